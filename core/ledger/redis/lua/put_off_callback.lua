-- Makes a callback due again later.
--
-- KEYS: none
-- ARGV: 1 now: ms since 1970; empty for the clock of Redis
--       2 ttl: ms for which a result is kept
--       3 wait: ms
--       4 id
-- Returns 1, or 0 if its job will be gone by then.
--
-- Invariant: a callback that was forgotten or erased stays so.

local now, ttl, wait, id = read_clock(ARGV[1]), num(ARGV[2]), num(ARGV[3]), ARGV[4]
local ended = call('HGET', JOB .. id, 'finished')
if not ended or num(ended) + ttl <= now + wait then return 0 end
call('ZADD', CALLBACKS, 'XX', now + wait, id)
return 1
