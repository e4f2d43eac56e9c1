"""Authentication: who asks, how much they may ask, and what is noted of it."""
