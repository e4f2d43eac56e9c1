-- Takes a part from the worker that holds it, to be sent again later.
--
-- KEYS: none
-- ARGV: 1 now: ms since 1970; empty for the clock of Redis
--       2 wait: ms until its message counts as sent
--       3 part: its id
-- Returns nothing.
--
-- Invariant: a part that is put back is on its way, and was delivered once less.

local now, wait, part = read_clock(ARGV[1]), num(ARGV[2]), ARGV[3]
if call('ZREM', LEASES, part) == 0 then return end
call('ZADD', REDELIVERY, now + wait, part)
call('HINCRBY', JOB .. part, 'deliveries', -1)
call('HDEL', JOB .. part, 'resent')
