"""The grammar of tables: the cells and records of a file."""
