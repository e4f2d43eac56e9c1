"""The scripts over callbacks, each of which begins with `prelude`."""

# Invariant: what is taken falls due again, unless its job is gone and the callback with it.
TAKE = """
local now, lease, most = clock(ARGV[1]), num(ARGV[2]), num(ARGV[3])
local taken = {}
for _, id in ipairs(call('ZRANGE', CALLBACKS, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)) do
  local url, state, ended, trace = unpack(call('HMGET', JOB .. id, 'callback', 'state', 'finished', 'trace'))
  if url then
    later('ZADD', CALLBACKS, now + lease, id)
    for _, value in ipairs({id, url, state, ended, call('HINCRBY', JOB .. id, 'rung', 1), trace or ''}) do
      taken[#taken + 1] = value
    end
  else
    later('ZREM', CALLBACKS, id)
  end
end
flush()
return taken
"""

# Invariant: a callback that was forgotten or erased stays so.
PUT_OFF = """
local now, ttl, wait, id = clock(ARGV[1]), num(ARGV[2]), num(ARGV[3]), ARGV[4]
local ended = call('HGET', JOB .. id, 'finished')
if not ended or num(ended) + ttl <= now + wait then return 0 end
call('ZADD', CALLBACKS, 'XX', now + wait, id)
return 1
"""
