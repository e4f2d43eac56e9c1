"""Events of jobs and batches: server-sent events, and long polling."""
