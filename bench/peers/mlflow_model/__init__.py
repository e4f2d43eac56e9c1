"""The model as MLflow keeps it, for its own command."""
