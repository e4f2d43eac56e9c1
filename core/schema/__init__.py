"""The schema: the fields of a record, and what is said of one that was scored."""
