"""Jobs of a few records, for someone who waits."""
