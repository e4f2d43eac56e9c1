"""The same as a BentoML task."""
