-- Keeps what the store holds of an upload for a time.
--
-- KEYS: none
-- ARGV: 1 now: ms since 1970; empty for the clock of Redis
--       2 ms from now when it may be swept
--       3 id
--       4 1 if it was held before, else 0
-- Returns 1, or 0 if it was held before and its time is over.
--
-- Invariant: until an upload has become a batch, what the store holds of it is marked as trash; once its time is over
-- it cannot be held again, since it may have been swept.

local now, id = read_clock(ARGV[1]), ARGV[3]
if ARGV[4] == '1' and num(call('ZSCORE', TRASH, id) or 0) <= now then
  call('ZADD', TRASH, now, id)
  return 0
end
call('ZADD', TRASH, now + num(ARGV[2]), id)
return 1
