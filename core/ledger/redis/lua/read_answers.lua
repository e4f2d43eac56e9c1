-- Reads what is answered about jobs.
--
-- KEYS: none
-- ARGV: 1 and on: ids
-- Returns a list for each id: the fields that core/ledger/redis/record.py reads (`FIELDS`), in their order; the
-- model's version; the JSON of the scores, nil if there are none, or more than READY_SCORES; their bytes if there are
-- more, else 0.
--
-- Invariant: nothing is written. Of a job with many scores only their size is read, so that no reply is large.

local answer = {}
for i = 1, #ARGV do
  local job = JOB .. ARGV[i]
  local found = call('HMGET', job,
    'owner', 'state', 'patients', 'started', 'finished', 'code', 'message', 'replayed_as', 'model')
  local rows, bytes = false, 0
  if found[2] == 'succeeded' then
    if num(found[3]) <= READY_SCORES then rows = call('HGET', job, 'scores')
    else bytes = call('HSTRLEN', job, 'scores') end
  end
  found[#found + 1] = rows
  found[#found + 1] = bytes
  answer[i] = found
end
return answer
