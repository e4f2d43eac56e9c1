"""Events: what becomes of jobs and batches, told to who waits."""
