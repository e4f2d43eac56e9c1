"""The scripts over jobs in quarantine; they begin as all scripts of their ledger do."""

# Invariant: the patients move to the new job; the old one keeps its end state and names the new one.
REPLAY = """
local now, id, new = clock(ARGV[1]), ARGV[2], ARGV[3]
local rows, n, explain, made, owner =
  unpack(call('HMGET', JOB .. id, 'rows', 'patients', 'explain', 'replayed_as', 'owner'))
if made == new then return now end
if call('ZREM', QUARANTINE, id) == 0 or not rows then return nil end
call('HSET', JOB .. id, 'rows', '', 'replayed_as', new)
write(new, rows, n, now, explain, owner)
flush()
return now
"""

# Invariant: afterwards the job's patients are nowhere, and its end state is what it was.
DROP = """
if call('ZREM', QUARANTINE, ARGV[1]) == 0 or call('EXISTS', JOB .. ARGV[1]) == 0 then return 0 end
return call('HSET', JOB .. ARGV[1], 'rows', '') + 1
"""
