-- Commits what came of jobs: their scores, or why they failed.
--
-- KEYS: none
-- ARGV: 1 now: ms since 1970; empty for the clock of Redis
--       2 ttl: ms for which a result is kept
--       3 ms for which the service counts as ready after a job was scored
--       of each job, 6 from 4 on:
--       +0 id
--       +1 scores: JSON
--       +2 model: its version
--       +3 code: of its error; empty if it was scored
--       +4 message: of its error
--       +5 ready: JSON of its answer for the gateway process that waits; empty if none does
-- Returns how many of the jobs were open until now.
--
-- Invariant: an end state is written once; the first outcome stays, any later one is dropped. The gateway process that
-- waits is sent what was made ready for it before anyone hears of the end: lines of "id patients started finished
-- ready".

local now, ttl, scored, answers, results = read_clock(ARGV[1]), num(ARGV[2]), 0, {}, {}
for i = 4, #ARGV, 6 do
  local id, scores, model, code, message, ready = unpack(ARGV, i, i + 5)
  local state, n, deadline, owner, started, waiter =
    unpack(call('HMGET', JOB .. id, 'state', 'patients', 'deadline', 'owner', 'started', 'waiter'))
  if is_open(state) then
    if waiter then call('HDEL', JOB .. id, 'waiter') end
    if code == '' then
      end_job(id, state, 'succeeded', n, deadline, owner, now, ttl, 'scores', scores, 'model', model)
      scored = scored + 1
      if owner then results[owner] = (results[owner] or 0) + #scores + RECORD_BYTES end
      if waiter and ready ~= '' then
        local lines = answers[waiter] or {}
        answers[waiter] = lines
        lines[#lines + 1] = table.concat({id, n, started, now, ready}, ' ')
      end
    else
      end_job(id, state, 'failed', n, deadline, owner, now, ttl, 'code', code, 'message', message)
    end
  end
end
if scored > 0 then call('SET', CONSUMED, 1, 'PX', ARGV[3]) end
local bucket = DRAINED .. math.floor(now / DRAIN_BUCKET_MS)
if #ended > 0 then
  call('INCRBY', bucket, -backlog)
  call('PEXPIRE', bucket, DRAIN_TTL_MS)
end
local count = #ended
for owner, bytes in pairs(results) do count_results(owner, bytes, now, ttl, now) end
-- A Redis that refuses the channel must not undo a commit: who waits hears of the end all the same.
for waiter, lines in pairs(answers) do redis.pcall('PUBLISH', ANSWERS .. waiter, table.concat(lines, '\n')) end
flush()
return count
