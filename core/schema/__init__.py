"""The schema: the fields of a record, and the score of one."""
