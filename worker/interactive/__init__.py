"""Scores the jobs that clients submit, and counts what was scored."""
