"""The grammar of tables: how cells and records of a file are written."""
