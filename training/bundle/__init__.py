"""The bundle: what the study chose, fitted, checked, described and released for workers to load."""
