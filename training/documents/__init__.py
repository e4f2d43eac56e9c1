"""The documents that are generated: the study, the model card, and the table in pictures."""
