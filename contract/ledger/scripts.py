"""Every script that touches a key of the ledger, but for those over callbacks.

Nothing runs between the steps of a script, and each reads the clock of Redis, so that no other machine's clock matters
to it. Keys are computed inside the scripts: one Redis, or one with replicas, but no cluster.
"""

from contract.ledger.keys import DRAIN_BUCKET_MS, Keys

ALLOW_OOM = "#!lua flags=allow-oom\n"
"""Heads every script that does not write new jobs down: a Redis whose memory is full must still be able to empty."""


COMMON = """
local call, num = redis.call, tonumber
local some_are_told = call('EXISTS', CALLBACKS) == 1

local function is_attended(now) return num(call('GET', ATTENDED) or 0) > now end

local function clock(given)
  if given ~= '' then return num(given) end
  local t = call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function open(state) return state == 'queued' or state == 'running' end

-- One call with many members costs far less than many calls with one: they are gathered, and made by `flush`.
local gathered, begun, ended, backlog = {}, {}, {}, 0

local function later(command, key, first, second)
  local list = gathered[command .. key]
  if not list then
    list = {command, key}
    gathered[command .. key] = list
  end
  list[#list + 1] = first
  list[#list + 1] = second
end

local function flush()
  for _, list in pairs(gathered) do
    for i = 3, #list, 4000 do call(list[1], list[2], unpack(list, i, math.min(i + 3999, #list))) end
  end
  if backlog ~= 0 then call('INCRBY', BACKLOG, backlog) end
  if #begun > 0 then call('PUBLISH', BEGUN, table.concat(begun, ' ')) end
  if #ended > 0 then call('PUBLISH', ENDED, table.concat(ended, ' ')) end
  gathered, begun, ended, backlog = {}, {}, {}, 0
end

local function move(id, from, to)
  later('ZREM', INDEX .. from, id)
  later('ZADD', INDEX .. to, 0, id)
end

-- Ends a job that was open and of `n` patients, who are erased; `...` are further fields of its record.
local function finish(id, from, to, n, deadline, now, ttl, ...)
  later('ZREM', OPEN, id)
  if deadline then later('ZREM', DEADLINES, id) end
  backlog = backlog - n
  move(id, from, to)
  call('HSET', JOB .. id, 'state', to, 'finished', now, 'rows', '', ...)
  call('PEXPIREAT', JOB .. id, now + ttl)
  if some_are_told then call('ZADD', CALLBACKS, 'XX', now, id) end
  ended[#ended + 1] = id
end

local function write(id, rows, n, now, explain)
  call('HSET', JOB .. id, 'state', 'queued', 'rows', rows, 'patients', n)
  if explain == '1' then call('HSET', JOB .. id, 'explain', 1) end
  later('ZADD', INDEX .. 'queued', 0, id)
  later('ZADD', OPEN, -now, id)
  backlog = backlog + n
end
"""


def prelude(keys: Keys) -> str:
    """Return what every script of the ledger with these keys begins with."""
    return f"""
local JOB, INDEX, OPEN, DEADLINES = '{keys.job}', '{keys.index}', '{keys.open}', '{keys.deadlines}'
local QUARANTINE, PASSED, BACKLOG, DRAINED = '{keys.quarantine}', '{keys.passed}', '{keys.backlog}', '{keys.drained}'
local IDEMPOTENCY, QUEUE, CLAIMED, CONSUMED = '{keys.idempotency}', '{keys.queue}', '{keys.claimed}', '{keys.consumed}'
local BEGUN, ENDED, CALLBACKS = '{keys.begun}', '{keys.ended}', '{keys.callbacks}'
local ATTENDED, WORD = '{keys.attended}', '{keys.word}'
{COMMON}"""


# Invariant: a job is written whole, counted once, and is on its way; a job that exists is left as it is,
# so that a call whose answer was lost can be made again. Who attends is given word of what is new.
SUBMIT = """
local now, limit, idem_ttl = clock(ARGV[1]), num(ARGV[2]), num(ARGV[3])
local before = num(call('GET', BACKLOG) or 0)
local attended = is_attended(now)
local fresh, answer = {}, {now, call('LLEN', QUEUE), attended and 1 or 0}
for i = 4, #ARGV, 9 do
  local id, rows, n, after, explain, key, fingerprint, callback, trace = unpack(ARGV, i, i + 8)
  local verdict, known = 'accepted', call('EXISTS', JOB .. id) == 1
  local held = key ~= '' and call('GET', IDEMPOTENCY .. key)
  if held and not known then
    local first = string.sub(held, #fingerprint + 2)
    if string.sub(held, 1, #fingerprint) ~= fingerprint then verdict = 'mismatch'
    elseif fresh[key] then verdict = 'busy'
    else verdict, id = 'replayed', first end
  elseif not known and before + backlog + n > limit then
    verdict = 'full'
  elseif not known then
    write(id, rows, n, now, explain)
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
local function take(id, rows, explain, tries, trace)
  local told = (explain or 0) .. ' ' .. tries .. ' ' .. (trace or '') -- one value, since a client pays for each
  taken[#taken + 1], taken[#taken + 2], taken[#taken + 3] = id, rows, told
end
local before = call('GET', CLAIMED .. token)
if before then
  for id in string.gmatch(before, '%S+') do
    local state, rows, explain, tries, trace =
      unpack(call('HMGET', JOB .. id, 'state', 'rows', 'explain', 'deliveries', 'trace'))
    if open(state) and num(call('ZSCORE', OPEN, id)) > now then take(id, rows, explain, tries, trace) end
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
  local state, rows, n, tries, deadline, explain, trace =
    unpack(call('HMGET', JOB .. id, 'state', 'rows', 'patients', 'deliveries', 'deadline', 'explain', 'trace'))
  tries = num(tries or 0)
  if open(state) and num(leases[i] or 0) <= now then
    if deadline and num(deadline) <= now then
      finish(id, state, 'expired', n, deadline, now, ttl)
    elseif tries >= most then
      local reason = 'It was given to a worker ' .. tries .. ' times and none came back; an operator can replay it.'
      finish(id, state, 'failed', n, deadline, now, ttl, 'code', 'quarantined', 'message', reason, 'rows', rows)
      later('ZADD', QUARANTINE, 0, id)
    elseif (tries == 0 or alone and i == 1) and (i <= given or num(n) <= room) then
      room = room - n
      if state == 'queued' then
        move(id, 'queued', 'running')
        begun[#begun + 1] = id
        call('HSET', JOB .. id, 'state', 'running', 'started', now, 'deliveries', tries + 1)
      else
        call('HSET', JOB .. id, 'deliveries', tries + 1)
      end
      later('ZADD', OPEN, now + lease, id)
      claimed[#claimed + 1] = id
      take(id, rows, explain, tries + 1, trace)
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
  local state, n, deadline = unpack(call('HMGET', JOB .. id, 'state', 'patients', 'deadline'))
  if open(state) then
    if code == '' then
      finish(id, state, 'succeeded', n, deadline, now, ttl, 'scores', scores, 'model', model)
      scored = scored + 1
    else
      finish(id, state, 'failed', n, deadline, now, ttl, 'code', code, 'message', message)
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

# Invariant: only an open job is canceled, and its patients are gone with it.
CANCEL = """
local id = ARGV[3]
local state, n, deadline = unpack(call('HMGET', JOB .. id, 'state', 'patients', 'deadline'))
if open(state) then finish(id, state, 'canceled', n, deadline, clock(ARGV[1]), num(ARGV[2])) end
flush()
"""

# Invariant: afterwards no key holds the id; a message that still carries it finds nothing to claim.
ERASE = """
local id = ARGV[1]
local state, n, key = unpack(call('HMGET', JOB .. id, 'state', 'patients', 'idem'))
if not state then return 0 end
if open(state) then call('DECRBY', BACKLOG, n) end
for _, set in ipairs({INDEX .. state, OPEN, DEADLINES, QUARANTINE, CALLBACKS}) do call('ZREM', set, id) end
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
  local state, n, deadline = unpack(call('HMGET', JOB .. id, 'state', 'patients', 'deadline'))
  finish(id, state, 'expired', n, deadline, now, ttl)
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
  for _, id in ipairs(call('ZRANGE', INDEX .. ARGV[i], '-', '(' .. oldest, 'BYLEX', 'LIMIT', 0, most)) do
    if call('EXISTS', JOB .. id) == 0 then
      call('ZREM', INDEX .. ARGV[i], id)
      call('ZREM', QUARANTINE, id)
      removed = removed + 1
    end
  end
end
return removed
"""
