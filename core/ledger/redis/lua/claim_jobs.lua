-- Gives waiting jobs to a worker: those of a turn, chosen here, or the one that a redelivered message names.
--
-- KEYS: none
-- ARGV:  1 now: ms since 1970; empty for the clock of Redis
--        2 lease: ms for which the worker holds what it is given
--        3 most: deliveries of one job, after which it is a dead letter
--        4 ttl: ms for which a result is kept
--        5 sent: ms since 1970 when the message was sent; 0 for none
--        6 most_jobs: jobs that are claimed at most
--        7 room: records that are claimed at most, but for a first job that has more
--        8 largest: records that such a first job may have
--        9 token: names this claim, should it be made again
--       10 long_poll_ms: ms for which the worker is trusted to claim again; 0 if it will not, -1 to leave that as it is
--       11 and on: ids that the message names; none for a turn
-- Returns three values for each job: its id, the JSON of its records, and "explain deliveries trace owner awaited",
-- separated by spaces; trace and owner may be empty, and awaited is 0 or 1. An error NEWERFORMAT where the ledger
-- is of a format that this program does not know.
--
-- Invariant: a job has at most one lease at a time; each claim counts one delivery, and at most `most` are made. The
-- same claim made again, since its answer was lost, is answered the same and not counted. What was delivered before is
-- claimed only by a message that names it, and then nothing is claimed along with it. All others are turns: what they
-- claim is chosen here, by fair queueing among owners. A worker that long polls is trusted for a while to claim once
-- more, but not where more waits, or so much came that it is work for several: there, turns are sent.

if num(call('GET', FORMAT_KEY) or 0) > FORMAT then return redis.error_reply(NEWER) end
local now, lease, most, ttl, sent = read_clock(ARGV[1]), num(ARGV[2]), num(ARGV[3]), num(ARGV[4]), num(ARGV[5])
local most_jobs, room, largest, token, long_poll_ms = num(ARGV[6]), num(ARGV[7]), num(ARGV[8]), ARGV[9], num(ARGV[10])
local half_the_room, named, claimed, taken = room / 2, {unpack(ARGV, 11)}, {}, {}
if sent <= now and sent > num(call('GET', WATERMARK) or 0) then call('SET', WATERMARK, sent) end

-- Adds a job to what is returned.
local function answer(id, rows, explain, tries, trace, owner, waiter)
  -- One value, since a client pays for each.
  local about = table.concat({explain or 0, tries, trace or '', owner or '', waiter and 1 or 0}, ' ')
  taken[#taken + 1], taken[#taken + 2], taken[#taken + 3] = id, rows, about
end

local before = call('GET', CLAIMED .. token)
if before then
  for id in string.gmatch(before, '%S+') do
    local state, rows, explain, tries, trace, owner, waiter =
      unpack(call('HMGET', JOB .. id, 'state', 'rows', 'explain', 'deliveries', 'trace', 'owner', 'waiter'))
    if is_open(state) and num(call('ZSCORE', LEASES, id) or 0) > now then
      answer(id, rows, explain, tries, trace, owner, waiter)
    end
  end
  return taken
end

-- Claims a job that no one holds; returns its records, 0 if it is not to be claimed, or nil if it does not fit.
local function claim(id)
  local state, rows, n, tries, deadline, explain, trace, owner, waiter = unpack(call(
    'HMGET', JOB .. id, 'state', 'rows', 'patients', 'deliveries', 'deadline', 'explain', 'trace', 'owner', 'waiter'))
  if not is_open(state) or state == 'running' and num(call('ZSCORE', LEASES, id) or 0) > now then return 0 end
  tries, n = num(tries or 0), num(n)
  if deadline and num(deadline) <= now then
    end_job(id, state, 'expired', n, deadline, owner, now, ttl)
    return 0
  end
  if tries >= most then
    local reason = 'It was given to a worker ' .. tries .. ' times and none came back; an operator can replay it.'
    end_job(id, state, 'failed', n, deadline, owner, now, ttl, 'code', 'quarantined', 'message', reason, 'rows', rows)
    gather('ZADD', DEAD_LETTERS, 0, id)
    return 0
  end
  if n > room and (#claimed > 0 or n > largest) then return nil end
  room = room - n
  if state == 'queued' then
    move_job(id, 'queued', 'running', owner)
    begun[#begun + 1] = id
    call('HSET', JOB .. id, 'state', 'running', 'started', now, 'deliveries', tries + 1)
  else
    call('HSET', JOB .. id, 'deliveries', tries + 1)
  end
  gather('ZADD', LEASES, now + lease, id)
  claimed[#claimed + 1] = id
  answer(id, rows, explain, tries + 1, trace, owner, waiter)
  return n
end

for _, id in ipairs(named) do
  local at = call('ZSCORE', FORMAT_1, id)
  if at then adopt_format_1(id, num(at)) end
end
flush()

-- What was delivered before is claimed alone.
local alone, waits = #named == 1 and call('HGET', JOB .. named[1], 'deliveries'), false
if not alone then
  waits = claim_in_turn(claim, function() return room > 0 and most_jobs - #claimed end)
else
  claim(named[1])
  gather('ZREM', REDELIVERY, named[1])
end
flush()
if not alone and long_poll_ms >= 0 then
  local enough = #claimed > 0 and #claimed < most_jobs and not waits and room > half_the_room
  if long_poll_ms > 0 and enough then
    call('SET', LONG_POLL_UNTIL, now + long_poll_ms)
  else
    call('DEL', LONG_POLL_UNTIL)
  end
end
if #claimed > 0 then call('SET', CLAIMED .. token, table.concat(claimed, ' '), 'PX', lease) end
return taken
