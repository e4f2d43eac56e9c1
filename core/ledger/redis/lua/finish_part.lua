-- Commits what came of a part, and ends its batch if that was the last, or if too many records are rejected.
--
-- KEYS: none
-- ARGV:  1 now: ms since 1970; empty for the clock of Redis
--        2 ttl: ms for which a result is kept
--        3 batch: its id
--        4 number: of the part
--        5 rows: records in it
--        6 scored: records that were scored
--        7 rejected: records that were rejected
--        8 results: bytes of the results in the store
--        9 errors: bytes of the errors in the store
--       10 attempt: which of its attempts wrote them
--       11 code: of the batch's error, should too many records be rejected
--       12 message: of that error
-- Returns 1, or 0 if the part had ended before.
--
-- Invariant: a part is counted once, in the step that ends it; whoever comes later with the same part changes nothing.

local now, ttl, batch, number = read_clock(ARGV[1]), num(ARGV[2]), ARGV[3], ARGV[4]
local rows, scored, rejected, results, errors, attempt, code, message = unpack(ARGV, 5, 12)
local part = part_id(batch, number)
local state, n, deadline, owner = unpack(call('HMGET', JOB .. part, 'state', 'patients', 'deadline', 'owner'))
if not is_open(state) then return 0 end
end_job(part, state, 'succeeded', n, deadline, owner, now, ttl)
local bucket = DRAINED .. math.floor(now / DRAIN_BUCKET_MS)
call('INCRBY', bucket, rows)
call('PEXPIRE', bucket, DRAIN_TTL_MS)
call('HSET', DONE .. batch, number, table.concat({rows, scored, rejected, results, errors, attempt}, ' '))
call('HINCRBY', BATCH .. batch, 'rows', rows)
call('HINCRBY', BATCH .. batch, 'scored', scored)
local bad = call('HINCRBY', BATCH .. batch, 'rejected', rejected)
local done = call('HINCRBY', BATCH .. batch, 'parts_done', 1)
local from, parts, most = unpack(call('HMGET', BATCH .. batch, 'state', 'parts', 'most'))
if most ~= '' and bad > num(most) then
  stop_batch(batch, 'failed', now, ttl, 'code', code, 'message', message)
elseif done == num(parts) then
  end_batch(batch, from, 'succeeded', now, ttl)
end
flush()
return 1
