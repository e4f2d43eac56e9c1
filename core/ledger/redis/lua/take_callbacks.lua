-- Gives callbacks that are due to a webhook worker.
--
-- KEYS: none
-- ARGV: 1 now: ms since 1970; empty for the clock of Redis
--       2 lease: ms after which those are due again of which nothing more is heard
--       3 most: callbacks that are taken at most
-- Returns six values for each: id, URL, state of the job, ms since 1970 when it ended, how often its callback was
-- taken, this time included, and the `traceparent` of its request, empty for none.
--
-- Invariant: what is taken becomes due again, unless its job is gone and the callback with it.

local now, lease, most = read_clock(ARGV[1]), num(ARGV[2]), num(ARGV[3])
local taken = {}
for _, id in ipairs(call('ZRANGE', CALLBACKS, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)) do
  local url, state, ended, trace = unpack(call('HMGET', JOB .. id, 'callback', 'state', 'finished', 'trace'))
  if url then
    gather('ZADD', CALLBACKS, now + lease, id)
    for _, value in ipairs({id, url, state, ended, call('HINCRBY', JOB .. id, 'rung', 1), trace or ''}) do
      taken[#taken + 1] = value
    end
  else
    gather('ZREM', CALLBACKS, id)
  end
end
flush()
return taken
