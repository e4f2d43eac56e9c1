-- Expires jobs, takes them from workers whose lease has run out, and finds messages and turns that were lost.
--
-- KEYS: none
-- ARGV: 1 now: ms since 1970; empty for the clock of Redis
--       2 grace: ms after which a message that came to nothing counts as lost
--       3 ttl: ms for which a result is kept
--       4 most: jobs of each kind that are looked at
-- Returns now, how many turns to send (0 or 1), and the ids that are each to be sent in a message of their own.
--
-- Invariant: every open job waits with its owner, has time left on its lease, or is on its way in a message that names
-- it. Such a message is lost once the queue has delivered what was sent well after it, or is empty and no claim came
-- of it; each re-send doubles the wait for the next, up to five minutes, so that an undeliverable one is no flood.
-- Where jobs wait, the queue is empty and no one polls for a while, a turn was lost, however many jobs that is: one
-- is sent.

local now, grace, ttl, most = read_clock(ARGV[1]), num(ARGV[2]), num(ARGV[3]), num(ARGV[4])
for _, id in ipairs(call('ZRANGE', DEADLINES, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)) do
  local state, n, deadline, owner = unpack(call('HMGET', JOB .. id, 'state', 'patients', 'deadline', 'owner'))
  end_job(id, state, 'expired', n, deadline, owner, now, ttl)
end
flush()

local answer = {now, 0}

-- Names a job that is sent now, and counts as sent `wait` ms from now.
local function send(id, wait)
  gather('ZADD', REDELIVERY, now + wait, id)
  answer[#answer + 1] = id
end

for _, id in ipairs(call('ZRANGE', LEASES, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)) do
  gather('ZREM', LEASES, id)
  send(id, 0)
end

local is_empty = call('LLEN', QUEUE) == 0
local watermark = is_empty and now or num(call('GET', WATERMARK) or 0)
for _, id in ipairs(call('ZRANGE', REDELIVERY, '-inf', '(' .. watermark - grace, 'BYSCORE', 'LIMIT', 0, most)) do
  local resent = call('HINCRBY', JOB .. id, 'resent', 1)
  send(id, math.min(grace * (2 ^ (resent - 1) - 1), 300000))
end

local adopted = call('ZRANGE', FORMAT_1, '-inf', now, 'BYSCORE', 'LIMIT', 0, most, 'WITHSCORES')
for i = 1, #adopted, 2 do adopt_format_1(adopted[i], num(adopted[i + 1])) end
flush()

local unheard = not is_long_polled(now) and call('DEL', NEW_JOBS) == 1
if not (is_empty and call('EXISTS', OWNERS) == 1) or is_long_polled(now) then
  call('DEL', UNPOLLED_SINCE)
else
  local since = num(call('GET', UNPOLLED_SINCE) or now)
  local lost = now - since >= grace
  if lost or since == now then call('SET', UNPOLLED_SINCE, now) end
  unheard = unheard or lost or #adopted > 0
end
answer[2] = unheard and 1 or 0
return answer
