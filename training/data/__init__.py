"""The data: the training table, how it is made from its public source, and made-up patients around it."""
