"""Every script that touches a key of the ledger, but for those over callbacks, batches and the quarantine.

Each begins with `prelude`. Nothing runs between the steps of a script, and each reads the clock of Redis, so that no
other machine's clock matters to it. Keys are computed inside the scripts: one Redis, or one with replicas, but no
cluster.
"""

from contract.ledger.keys import DRAIN_BUCKET_MS

# Invariant: a job is written whole, counted once, and is on its way; a job that exists is left as it is,
# so that a call whose answer was lost can be made again. Who attends is given word of what is new. Rows count for their
# owner's day if and only if they are written down.
SUBMIT = """
local now, limit, idem_ttl = clock(ARGV[1]), num(ARGV[2]), num(ARGV[3])
local before = num(call('GET', BACKLOG) or 0)
local attended = is_attended(now)
local fresh, noted, answer = {}, {}, {now, call('LLEN', QUEUE), attended and 1 or 0}
for i = 4, #ARGV, 11 do
  local id, rows, n, after, explain, key, fingerprint, callback, trace, owner, daily = unpack(ARGV, i, i + 10)
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
  elseif not known and before + backlog + n > limit then
    verdict = 'full'
  elseif not known and not spend(owner, n, daily, now) then
    verdict = 'rows'
  elseif not known then
    write(id, rows, n, now, explain, owner)
    if owner ~= '' then
      noted[owner] = noted[owner] or {}
      table.insert(noted[owner], id)
    end
    if after ~= '' then
      call('HSET', JOB .. id, 'deadline', now + after)
      later('ZADD', DEADLINES, now + after, id)
    end
    if trace ~= '' then call('HSET', JOB .. id, 'trace', trace) end
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
# claimed only by a message of its own, and then nothing is claimed along with it. Who attends is trusted for a while to
# claim once more, but not where more may wait, or so much came that it is work for several: there, bells are rung.
CLAIM = """
local now, lease, most, ttl, sent = clock(ARGV[1]), num(ARGV[2]), num(ARGV[3]), num(ARGV[4]), num(ARGV[5])
local ahead, room, token, attends = num(ARGV[6]), num(ARGV[7]), ARGV[8], num(ARGV[9])
local most_jobs, half_the_room = ahead, room / 2
if sent <= now and sent > num(call('GET', PASSED) or 0) then call('SET', PASSED, sent) end
local ids, named, taken = {unpack(ARGV, 10)}, {}, {}
local function take(id, rows, explain, tries, trace, owner)
  -- One value, since a client pays for each.
  local told = (explain or 0) .. ' ' .. tries .. ' ' .. (trace or '') .. ' ' .. (owner or '')
  taken[#taken + 1], taken[#taken + 2], taken[#taken + 3] = id, rows, told
end
local before = call('GET', CLAIMED .. token)
if before then
  for id in string.gmatch(before, '%S+') do
    local state, rows, explain, tries, trace, owner =
      unpack(call('HMGET', JOB .. id, 'state', 'rows', 'explain', 'deliveries', 'trace', 'owner'))
    if open(state) and num(call('ZSCORE', OPEN, id)) > now then take(id, rows, explain, tries, trace, owner) end
  end
  return taken
end
local given = #ids
local alone = given == 1
if alone and call('HGET', JOB .. ids[1], 'deliveries') then ahead = 0 end
for _, id in ipairs(ids) do named[id] = true end
if ahead > 0 then
  for _, id in ipairs(call('ZRANGE', OPEN, '(0', '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, ahead)) do
    if not named[id] then ids[#ids + 1] = id end
  end
end
if #ids == 0 then
  if ahead > 0 then call('DEL', ATTENDED) end
  return taken
end
local leases, claimed, left = call('ZMSCORE', OPEN, unpack(ids)), {}, #ids >= most_jobs
for i, id in ipairs(ids) do
  local state, rows, n, tries, deadline, explain, trace, owner =
    unpack(call('HMGET', JOB .. id, 'state', 'rows', 'patients', 'deliveries', 'deadline', 'explain', 'trace', 'owner'))
  tries = num(tries or 0)
  if open(state) and num(leases[i] or 0) <= now then
    if deadline and num(deadline) <= now then
      finish(id, state, 'expired', n, deadline, owner, now, ttl)
    elseif tries >= most then
      local reason = 'It was given to a worker ' .. tries .. ' times and none came back; an operator can replay it.'
      finish(id, state, 'failed', n, deadline, owner, now, ttl,
        'code', 'quarantined', 'message', reason, 'rows', rows)
      later('ZADD', QUARANTINE, 0, id)
    elseif (tries == 0 or alone and i == 1) and (i <= given or num(n) <= room) then
      room = room - n
      if state == 'queued' then
        move(id, 'queued', 'running', owner)
        begun[#begun + 1] = id
        call('HSET', JOB .. id, 'state', 'running', 'started', now, 'deliveries', tries + 1)
      else
        call('HSET', JOB .. id, 'deliveries', tries + 1)
      end
      later('ZADD', OPEN, now + lease, id)
      claimed[#claimed + 1] = id
      take(id, rows, explain, tries + 1, trace, owner)
    elseif tries == 0 then
      left = true
    end
  end
end
flush()
if ahead > 0 then
  local enough = #claimed > 0 and not left and room > half_the_room
  if attends > 0 and enough then call('SET', ATTENDED, now + attends) else call('DEL', ATTENDED) end
end
if #claimed > 0 then call('SET', CLAIMED .. token, table.concat(claimed, ' '), 'PX', lease) end
return taken
"""

# Invariant: only a job that is in a worker's hands has its lease moved, and only to later.
RENEW = """
local lease_end = clock(ARGV[1]) + num(ARGV[2])
for i = 3, #ARGV do
  if num(call('ZSCORE', OPEN, ARGV[i]) or 0) > 0 then call('ZADD', OPEN, 'GT', lease_end, ARGV[i]) end
end
"""

# Invariant: an end state is written once; the first outcome stays, any later one is dropped.
FINISH = f"""
local now, ttl, scored = clock(ARGV[1]), num(ARGV[2]), 0
for i = 4, #ARGV, 5 do
  local id, scores, model, code, message = unpack(ARGV, i, i + 4)
  local state, n, deadline, owner = unpack(call('HMGET', JOB .. id, 'state', 'patients', 'deadline', 'owner'))
  if open(state) then
    if code == '' then
      finish(id, state, 'succeeded', n, deadline, owner, now, ttl, 'scores', scores, 'model', model)
      scored = scored + 1
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
ERASE = """
local id, sees, who = ARGV[1], ARGV[2], ARGV[3]
local state, n, key, owner = unpack(call('HMGET', JOB .. id, 'state', 'patients', 'idem', 'owner'))
if not state or not shown(sees, owner) then return 0 end
note(who, 'erase', 'job', id)
if open(state) then call('DECRBY', BACKLOG, n) end
for _, set in ipairs({own(owner) .. state, OPEN, DEADLINES, QUARANTINE, CALLBACKS}) do call('ZREM', set, id) end
-- The key may have run out since, and stand for another job.
if key and string.sub(call('GET', IDEMPOTENCY .. key) or '', -#id) == id then call('DEL', IDEMPOTENCY .. key) end
ended[1] = id
flush()
return call('DEL', JOB .. id)
"""

# Invariant: every open job ends up with time left on its lease, or on its way with a message after it; each
# re-send of a job doubles the wait for the next, up to five minutes, so that an undeliverable one is no flood. Word
# that no one who attends has heard is to be passed on by a bell.
SWEEP = """
local now, grace, ttl, most = clock(ARGV[1]), num(ARGV[2]), num(ARGV[3]), num(ARGV[4])
local unheard = not is_attended(now) and call('DEL', WORD) == 1
local answer, passed = {now, unheard and 1 or 0}, num(call('GET', PASSED) or 0)
for _, id in ipairs(call('ZRANGE', DEADLINES, '-inf', now, 'BYSCORE', 'LIMIT', 0, most)) do
  local state, n, deadline, owner = unpack(call('HMGET', JOB .. id, 'state', 'patients', 'deadline', 'owner'))
  finish(id, state, 'expired', n, deadline, owner, now, ttl)
end
flush()
local function send(id, wait)
  later('ZADD', OPEN, -(now + wait), id)
  local n, tries = unpack(call('HMGET', JOB .. id, 'patients', 'deliveries'))
  for _, value in ipairs({id, n, tries or 0}) do answer[#answer + 1] = value end
end
for _, id in ipairs(call('ZRANGE', OPEN, 0, now, 'BYSCORE', 'LIMIT', 0, most)) do send(id, 0) end
for _, id in ipairs(call('ZRANGE', OPEN, '(' .. grace - passed, '(0', 'BYSCORE', 'LIMIT', 0, most)) do
  local resent = call('HINCRBY', JOB .. id, 'resent', 1)
  send(id, math.min(grace * (2 ^ (resent - 1) - 1), 300000))
end
flush()
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
