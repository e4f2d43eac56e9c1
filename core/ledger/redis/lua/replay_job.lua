-- Takes a job out of the dead-letter queue, as a new one.
--
-- KEYS: none
-- ARGV: 1 now: ms since 1970; empty for the clock of Redis
--       2 id: of the dead letter
--       3 new: id of the new job
-- Returns now, or nil if the dead-letter queue does not hold the job.
--
-- Invariant: the records move to the new job; the old one keeps its end state and names the new one.

local now, id, new = read_clock(ARGV[1]), ARGV[2], ARGV[3]
local rows, n, explain, made, owner =
  unpack(call('HMGET', JOB .. id, 'rows', 'patients', 'explain', 'replayed_as', 'owner'))
if made == new then return now end
if call('ZREM', DEAD_LETTERS, id) == 0 or not rows then return nil end
call('HSET', JOB .. id, 'rows', '', 'replayed_as', new)
write_job(new, rows, n, now, explain, owner)
flush()
return now
