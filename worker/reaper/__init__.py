"""The reaper: sends again what the queue lost, and clears away what is over."""
