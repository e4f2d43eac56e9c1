"""The classifiers: what the study compares, and what they are made of."""
