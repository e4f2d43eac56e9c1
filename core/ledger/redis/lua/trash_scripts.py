"""The scripts over what the store shall hold nothing of any more; they begin as those of batches do."""

# Invariant: until an upload has become a batch, what the store holds of it is marked as trash; once its time is over it
# cannot be held again, since it may have been swept.
HOLD = """
local now, id = clock(ARGV[1]), ARGV[3]
if ARGV[4] == '1' and num(call('ZSCORE', TRASH, id) or 0) <= now then
  call('ZADD', TRASH, now, id)
  return 0
end
call('ZADD', TRASH, now + num(ARGV[2]), id)
return 1
"""

# Invariant: what is named here is no upload's and no batch's any more; it is named until the store was swept.
DUE = """
return call('ZRANGE', TRASH, '-inf', clock(ARGV[1]), 'BYSCORE', 'LIMIT', 0, ARGV[2])
"""

GONE = """
local score = call('ZSCORE', TRASH, ARGV[2])
if score and num(score) <= clock(ARGV[1]) then call('ZREM', TRASH, ARGV[2]) end
"""
