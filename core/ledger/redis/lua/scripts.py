"""Every script that touches a key of the ledger, but for those over callbacks, batches and the quarantine.

Each begins with `prelude`. Nothing runs between the steps of a script, and each reads the clock of Redis, so that no
other machine's clock matters to it. Keys are computed inside the scripts: one Redis, or one with replicas, but no
cluster.
"""

from core.ledger.redis.keys import DRAIN_BUCKET_MS, FORMAT, FORMAT_KEY
from core.ledger.redis.lua.waiting_scripts import GO_ROUND, RECORD_BYTES
from core.ledger.redis.running import NEWER

# Invariant: a job is written whole, counted once, and is on its way; a job that exists is left as it is,
# so that a call whose answer was lost can be made again. Who attends is given word of what is new. Rows count for their
# owner's day if and only if they are written down.
SUBMIT = """
local now, limit, idem_ttl, ttl = clock(ARGV[1]), num(ARGV[2]), num(ARGV[3]), num(ARGV[4])
local before = num(call('GET', BACKLOG) or 0)
local attended = is_attended(now)
local fresh, noted, answer = {}, {}, {now, call('LLEN', QUEUE), attended and 1 or 0}
for i = 5, #ARGV, 13 do
  local id, rows, n, after, explain, key, fingerprint, callback, trace, owner, daily, priority, waiter =
    unpack(ARGV, i, i + 12)
  local free = limit - before - backlog
  local verdict, known = 'accepted', call('EXISTS', JOB .. id) == 1
  local held = key ~= '' and call('GET', IDEMPOTENCY .. key)
  if held and not known then
    local first = string.sub(held, #fingerprint + 2)
    if string.sub(held, 1, #fingerprint) ~= fingerprint then verdict = 'mismatch'
    elseif fresh[key] then verdict = 'busy'
    else
      verdict, id = 'replayed', first
      note(owner, 'read', 'job', id)
    end
  elseif not known and num(n) > free and waits_with(id) ~= PROBES then
    verdict = 'full'
  elseif not known and not has_share(owner, n, free, limit) then
    verdict = 'share'
  elseif not known and not has_room(owner, ttl, now) then
    verdict = 'results'
  elseif not known and not spend(owner, n, daily, now) then
    verdict = 'rows'
  elseif not known then
    write(id, rows, n, now, explain, owner, priority)
    if owner ~= '' then
      noted[owner] = noted[owner] or {}
      table.insert(noted[owner], id)
    end
    if after ~= '' then
      call('HSET', JOB .. id, 'deadline', now + after)
      later('ZADD', DEADLINES, now + after, id)
    end
    if trace ~= '' then call('HSET', JOB .. id, 'trace', trace) end
    if waiter ~= '' then call('HSET', JOB .. id, 'waiter', waiter) end
    if callback ~= '' then
      call('HSET', JOB .. id, 'callback', callback)
      later('ZADD', CALLBACKS, '+inf', id)
    end
    if key ~= '' then
      fresh[key] = true
      call('SET', IDEMPOTENCY .. key, fingerprint .. ' ' .. id, 'PX', idem_ttl)
      call('HSET', JOB .. id, 'idem', key)
    end
  end
  answer[#answer + 1] = verdict
  answer[#answer + 1] = id
end
if attended and backlog > 0 and call('EXISTS', WORD) == 0 then call('RPUSH', WORD, 1) end
for owner, ids in pairs(noted) do note(owner, 'submit', 'job', table.concat(ids, ' ')) end
flush()
return answer
"""

# Invariant: a job has at most one lease at a time; each claim counts one delivery, and at most `most` are made. The
# same claim made again, since its answer was lost, is answered the same and not counted. What was delivered before is
# claimed only by a message that names it, and then nothing is claimed along with it. All others are turns: what they
# claim is chosen here, going round the owners. Who attends is trusted for a while to claim once more, but not where
# more waits, or so much came that it is work for several: there, turns are sent.
CLAIM = f"""
if num(call('GET', '{FORMAT_KEY}') or 0) > {FORMAT} then return redis.error_reply('{NEWER}') end
local now, lease, most, ttl, sent = clock(ARGV[1]), num(ARGV[2]), num(ARGV[3]), num(ARGV[4]), num(ARGV[5])
local most_jobs, room, largest, token, attends = num(ARGV[6]), num(ARGV[7]), num(ARGV[8]), ARGV[9], num(ARGV[10])
local half_the_room, named, claimed, taken = room / 2, {{unpack(ARGV, 11)}}, {{}}, {{}}
if sent <= now and sent > num(call('GET', PASSED) or 0) then call('SET', PASSED, sent) end
local function answer(id, rows, explain, tries, trace, owner, waiter)
  -- One value, since a client pays for each.
  local about = table.concat({{explain or 0, tries, trace or '', owner or '', waiter and 1 or 0}}, ' ')
  taken[#taken + 1], taken[#taken + 2], taken[#taken + 3] = id, rows, about
end
local before = call('GET', CLAIMED .. token)
if before then
  for id in string.gmatch(before, '%S+') do
    local state, rows, explain, tries, trace, owner, waiter =
      unpack(call('HMGET', JOB .. id, 'state', 'rows', 'explain', 'deliveries', 'trace', 'owner', 'waiter'))
    if open(state) and num(call('ZSCORE', LEASES, id) or 0) > now then
      answer(id, rows, explain, tries, trace, owner, waiter)
    end
  end
  return taken
end

-- Claims a job that no one holds; returns its records, 0 if it is not to be claimed, or nothing if it does not fit.
local function claim(id)
  local state, rows, n, tries, deadline, explain, trace, owner, waiter = unpack(call(
    'HMGET', JOB .. id, 'state', 'rows', 'patients', 'deliveries', 'deadline', 'explain', 'trace', 'owner', 'waiter'))
  if not open(state) or state == 'running' and num(call('ZSCORE', LEASES, id) or 0) > now then return 0 end
  tries, n = num(tries or 0), num(n)
  if deadline and num(deadline) <= now then
    finish(id, state, 'expired', n, deadline, owner, now, ttl)
    return 0
  end
  if tries >= most then
    local reason = 'It was given to a worker ' .. tries .. ' times and none came back; an operator can replay it.'
    finish(id, state, 'failed', n, deadline, owner, now, ttl, 'code', 'quarantined', 'message', reason, 'rows', rows)
    later('ZADD', QUARANTINE, 0, id)
    return 0
  end
  if n > room and (#claimed > 0 or n > largest) then return nil end
  room = room - n
  if state == 'queued' then
    move(id, 'queued', 'running', owner)
    begun[#begun + 1] = id
    call('HSET', JOB .. id, 'state', 'running', 'started', now, 'deliveries', tries + 1)
  else
    call('HSET', JOB .. id, 'deliveries', tries + 1)
  end
  later('ZADD', LEASES, now + lease, id)
  claimed[#claimed + 1] = id
  answer(id, rows, explain, tries + 1, trace, owner, waiter)
  return n
end
{GO_ROUND}
for _, id in ipairs(named) do
  local at = call('ZSCORE', FORMAT_1, id)
  if at then adopt(id, num(at)) end
end
flush()
local alone, waits = #named == 1 and call('HGET', JOB .. named[1], 'deliveries'), false
if not alone then
  waits = go_round(claim, function() return room > 0 and most_jobs - #claimed end)
else
  claim(named[1])
  later('ZREM', REDELIVERY, named[1])
end
flush()
if not alone and attends >= 0 then
  local enough = #claimed > 0 and #claimed < most_jobs and not waits and room > half_the_room
  if attends > 0 and enough then call('SET', ATTENDED, now + attends) else call('DEL', ATTENDED) end
end
if #claimed > 0 then call('SET', CLAIMED .. token, table.concat(claimed, ' '), 'PX', lease) end
return taken
"""

# Invariant: nothing is changed.
WANTS_TURN = """
return call('LLEN', QUEUE) == 0 and call('EXISTS', OWNERS) or 0
"""

# Invariant: only a job that is in a worker's hands has its lease moved, and only to later.
RENEW = """
local lease_end = clock(ARGV[1]) + num(ARGV[2])
for i = 3, #ARGV do
  call('ZADD', LEASES, 'XX', 'GT', lease_end, ARGV[i])
end
"""

# Invariant: an end state is written once; the first outcome stays, any later one is dropped. The gateway process that
# waits is sent what was made ready for it before anyone hears of the end.
FINISH = f"""
local now, ttl, scored, answers, results = clock(ARGV[1]), num(ARGV[2]), 0, {{}}, {{}}
for i = 4, #ARGV, 6 do
  local id, scores, model, code, message, ready = unpack(ARGV, i, i + 5)
  local state, n, deadline, owner, started, waiter =
    unpack(call('HMGET', JOB .. id, 'state', 'patients', 'deadline', 'owner', 'started', 'waiter'))
  if open(state) then
    if waiter then call('HDEL', JOB .. id, 'waiter') end
    if code == '' then
      finish(id, state, 'succeeded', n, deadline, owner, now, ttl, 'scores', scores, 'model', model)
      scored = scored + 1
      if owner then results[owner] = (results[owner] or 0) + #scores + {RECORD_BYTES} end
      if waiter and ready ~= '' then
        local lines = answers[waiter] or {{}}
        answers[waiter] = lines
        lines[#lines + 1] = table.concat({{id, n, started, now, ready}}, ' ')
      end
    else
      finish(id, state, 'failed', n, deadline, owner, now, ttl, 'code', code, 'message', message)
    end
  end
end
if scored > 0 then call('SET', CONSUMED, 1, 'PX', ARGV[3]) end
local bucket = DRAINED .. math.floor(now / {DRAIN_BUCKET_MS})
if #ended > 0 then
  call('INCRBY', bucket, -backlog)
  call('PEXPIRE', bucket, {4 * DRAIN_BUCKET_MS})
end
local count = #ended
for owner, bytes in pairs(results) do count_results(owner, bytes, now, ttl, now) end
-- A Redis that refuses the channel must not undo a commit: who waits hears of the end all the same.
for waiter, lines in pairs(answers) do redis.pcall('PUBLISH', ANSWERS .. waiter, table.concat(lines, '\\n')) end
flush()
return count
"""

# Invariant: only an open job that is shown to who asks is canceled, and its patients are gone with it.
CANCEL = """
local id, sees, key = ARGV[3], ARGV[4], ARGV[5]
local state, n, deadline, owner = unpack(call('HMGET', JOB .. id, 'state', 'patients', 'deadline', 'owner'))
if open(state) and shown(sees, owner) then
  finish(id, state, 'canceled', n, deadline, owner, clock(ARGV[1]), num(ARGV[2]))
  note(key, 'cancel', 'job', id)
end
flush()
"""

# Invariant: afterwards no key but the audit holds the id; a message that still carries it finds nothing to claim.
ERASE = f"""
local now, ttl, id, sees, who = clock(ARGV[1]), num(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
local state, n, key, owner, ended_at =
  unpack(call('HMGET', JOB .. id, 'state', 'patients', 'idem', 'owner', 'finished'))
if not state or not shown(sees, owner) then return 0 end
note(who, 'erase', 'job', id)
if open(state) then
  local owned_by = waits_with(id, owner)
  unqueue(id, state, owned_by)
  backlog = backlog - n
  share(owned_by, -n)
elseif owner and state == 'succeeded' then
  count_results(owner, -#call('HGET', JOB .. id, 'scores') - {RECORD_BYTES}, num(ended_at), ttl, now)
end
for _, set in ipairs({{own(owner) .. state, DEADLINES, QUARANTINE, CALLBACKS}}) do call('ZREM', set, id) end
-- The key may have run out since, and stand for another job.
if key and string.sub(call('GET', IDEMPOTENCY .. key) or '', -#id) == id then call('DEL', IDEMPOTENCY .. key) end
ended[1] = id
flush()
return call('DEL', JOB .. id)
"""

# Invariant: every open job waits with its owner, has time left on its lease, or is on its way in a message that names
# it. Such a message is lost once the queue has delivered what was sent well after it, or is empty and no claim came of
# it; each re-send doubles the wait for the next, up to five minutes, so that an undeliverable one is no flood. Where
# jobs wait, the queue is empty and no one attends for a while, a turn was lost, however many jobs that is: one is sent.
SWEEP = """
local now, grace, ttl, most = clock(ARGV[1]), num(ARGV[2]), num(ARGV[3]), num(ARGV[4])
for _, id in ipairs(call('ZRANGE', DEADLINES, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)) do
  local state, n, deadline, owner = unpack(call('HMGET', JOB .. id, 'state', 'patients', 'deadline', 'owner'))
  finish(id, state, 'expired', n, deadline, owner, now, ttl)
end
flush()
local answer = {now, 0}
local function send(id, wait)
  later('ZADD', REDELIVERY, now + wait, id)
  answer[#answer + 1] = id
end
for _, id in ipairs(call('ZRANGE', LEASES, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)) do
  later('ZREM', LEASES, id)
  send(id, 0)
end
local is_empty = call('LLEN', QUEUE) == 0
local passed = is_empty and now or num(call('GET', PASSED) or 0)
for _, id in ipairs(call('ZRANGE', REDELIVERY, '-inf', '(' .. passed - grace, 'BYSCORE', 'LIMIT', 0, most)) do
  local resent = call('HINCRBY', JOB .. id, 'resent', 1)
  send(id, math.min(grace * (2 ^ (resent - 1) - 1), 300000))
end
local adopted = call('ZRANGE', FORMAT_1, '-inf', now, 'BYSCORE', 'LIMIT', 0, most, 'WITHSCORES')
for i = 1, #adopted, 2 do adopt(adopted[i], num(adopted[i + 1])) end
flush()
local unheard = not is_attended(now) and call('DEL', WORD) == 1
if not (is_empty and call('EXISTS', OWNERS) == 1) or is_attended(now) then
  call('DEL', UNATTENDED)
else
  local since = num(call('GET', UNATTENDED) or now)
  local lost = now - since >= grace
  if lost or since == now then call('SET', UNATTENDED, now) end
  unheard = unheard or lost or #adopted > 0
end
answer[2] = unheard and 1 or 0
return answer
"""

# Invariant: an index entry outlives its job's hash by the stated time, in which the job is known to be gone.
TRIM = """
local oldest, most, removed = ARGV[1], num(ARGV[2]), 0
for i = 3, #ARGV do
  for _, id in ipairs(call('ZRANGE', ARGV[i], '-', '(' .. oldest, 'BYLEX', 'LIMIT', 0, most)) do
    if call('EXISTS', JOB .. id) == 0 then
      call('ZREM', ARGV[i], id)
      call('ZREM', QUARANTINE, id)
      removed = removed + 1
    end
  end
end
return removed
"""
