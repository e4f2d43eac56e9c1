-- Finds an API key.
--
-- KEYS: none
-- ARGV: 1 prefix of the key
-- Returns now, ms since 1970; the records that were sent with it today; its record, empty if there is none.
--
-- Invariant: nothing is changed. The time is that of Redis, so that a gateway whose clock is wrong lets no one in for
-- longer.

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local rows = redis.call('GET', ROWS .. ARGV[1] .. ':' .. math.floor(now / DAY_MS))
return {now, rows or 0, redis.call('HGETALL', KEY .. ARGV[1])}
