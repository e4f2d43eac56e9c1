"""The study: candidates compared, one chosen by a rule, and all of it in one JSON file."""
