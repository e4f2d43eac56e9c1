"""The reaper: sends again what the queue lost, and deletes what is no longer kept."""
