-- Says whether jobs wait and no message is in the queue.
--
-- KEYS: none
-- ARGV: none
-- Returns 0 or 1.
--
-- Invariant: nothing is changed.

return call('LLEN', QUEUE) == 0 and call('EXISTS', OWNERS) or 0
