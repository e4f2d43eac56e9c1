-- Ends the batches that have a part in the dead-letter queue.
--
-- KEYS: none
-- ARGV: 1 now: ms since 1970; empty for the clock of Redis
--       2 ttl: ms for which a result is kept
--       3 message: of their error
-- Returns how many parts were found.
--
-- Invariant: a batch with a part in the dead-letter queue ends as failed; its other results stay.

local now, ttl, message = read_clock(ARGV[1]), num(ARGV[2]), ARGV[3]
local failed = 0
for _, part in ipairs(call('ZRANGE', DEAD_LETTERS, 0, 999)) do
  stop_batch(string.sub(part, 1, 36), 'failed', now, ttl, 'code', 'quarantined', 'message', message)
  call('ZREM', DEAD_LETTERS, part)
  failed = failed + 1
end
flush()
return failed
