"""Every script that touches a key of a batch. Each begins with `prelude(PARTS)` and `COMMON`, for a part is a job.

A batch ends in the very script that ends its last part, or that finds too many rows rejected.
"""

from core.ledger.redis.keys import BATCHES, DONE, DRAIN_BUCKET_MS, TRASH

COMMON = f"""
local BATCH, BATCHES, DONE, TRASH = '{BATCHES.job}', '{BATCHES.index}', '{DONE}', '{TRASH}'
local BATCH_CALLBACKS = '{BATCHES.callbacks}'

local function part_of(batch, number) return batch .. string.format('.%06d', number) end

-- Moves a batch to the index of another state among those of its owner.
local function enlist(batch, from, to)
  local owner = call('HGET', BATCH .. batch, 'owner')
  local mine = owner and BATCHES .. owner .. ':' or BATCHES
  call('ZREM', mine .. from, batch)
  if to then call('ZADD', mine .. to, 0, batch) end
end

-- Ends a batch all of whose parts have ended; `...` are further fields of its record.
local function close(batch, from, to, now, ttl, ...)
  enlist(batch, from, to)
  call('HSET', BATCH .. batch, 'state', to, 'finished', now, ...)
  call('PEXPIREAT', BATCH .. batch, now + ttl)
  call('PEXPIREAT', DONE .. batch, now + ttl)
  call('ZADD', TRASH, now + ttl, batch)
  call('ZADD', BATCH_CALLBACKS, 'XX', now, batch)
end

-- How many batches of an owner are open.
local function opened(owner)
  local mine = BATCHES .. owner .. ':'
  return call('ZCARD', mine .. 'queued') + call('ZCARD', mine .. 'running')
end

-- Ends a batch that is open, and those of its parts that are.
local function stop(batch, to, now, ttl, ...)
  local from, parts = unpack(call('HMGET', BATCH .. batch, 'state', 'parts'))
  if not open(from) then return end
  for i = 1, num(parts) do
    local part = part_of(batch, i)
    local state, n, deadline, owner = unpack(call('HMGET', JOB .. part, 'state', 'patients', 'deadline', 'owner'))
    if open(state) then finish(part, state, 'canceled', n, deadline, owner, now, ttl) end
    call('ZREM', QUARANTINE, part)
  end
  close(batch, from, to, now, ttl, ...)
end
"""

# Invariant: a batch is written whole, with all of its parts on their way, and only if its upload was not given up;
# a batch that exists is left as it is, so that a call whose answer was lost can be made again.
CREATE = """
local now, limit, idem_ttl, id = clock(ARGV[1]), num(ARGV[2]), num(ARGV[3]), ARGV[4]
local key, fingerprint, form, bytes, lines, most, callback, trace, owner, daily, at_once, priority = unpack(ARGV, 5, 16)
if call('EXISTS', BATCH .. id) == 1 then return {now, 'accepted', id} end
local held = key ~= '' and call('GET', IDEMPOTENCY .. key)
if held then
  if string.sub(held, 1, #fingerprint) ~= fingerprint then return {now, 'mismatch', id} end
  local first = string.sub(held, #fingerprint + 2)
  note(owner, 'read', 'batch', first)
  return {now, 'replayed', first}
end
local free = limit - num(call('GET', BACKLOG) or 0)
if num(lines) > free then return {now, 'full', id} end
if not has_share(owner, lines, free, limit) then return {now, 'share', id} end
if num(call('ZSCORE', TRASH, id) or 0) <= now then return {now, 'lost', id} end
if at_once ~= '' and opened(owner) >= num(at_once) then return {now, 'batches', id} end
if not spend(owner, lines, daily, now) then return {now, 'rows', id} end
for i = 17, #ARGV, 3 do
  local number, first, n = unpack(ARGV, i, i + 2)
  write(part_of(id, number), first, n, now, nil, owner, priority)
end
call('HSET', BATCH .. id, 'state', 'queued', 'form', form, 'bytes', bytes, 'lines', lines, 'most', most,
  'parts', (#ARGV - 16) / 3)
if trace ~= '' then call('HSET', BATCH .. id, 'trace', trace) end
if owner ~= '' then call('HSET', BATCH .. id, 'owner', owner) end
enlist(id, 'queued', 'queued')
note(owner, 'submit', 'batch', id)
if key ~= '' then
  call('SET', IDEMPOTENCY .. key, fingerprint .. ' ' .. id, 'PX', idem_ttl)
  call('HSET', BATCH .. id, 'idem', key)
end
if callback ~= '' then
  call('HSET', BATCH .. id, 'callback', callback)
  call('ZADD', BATCH_CALLBACKS, '+inf', id)
end
call('ZREM', TRASH, id)
flush()
return {now, 'accepted', id}
"""

# Invariant: a batch runs from when its first part is taken; who takes one is told how to read it, for which request and
# whose it is, or that it has ended.
BEGIN = """
local id = ARGV[2]
local state, form, trace, owner = unpack(call('HMGET', BATCH .. id, 'state', 'form', 'trace', 'owner'))
if not open(state) then return nil end
if state == 'queued' then
  call('HSET', BATCH .. id, 'state', 'running', 'started', clock(ARGV[1]))
  enlist(id, 'queued', 'running')
end
return {form, trace or '', owner or ''}
"""

# Invariant: a part that is put back is on its way, and was delivered once less.
PUT_BACK = """
local now, wait, part = clock(ARGV[1]), num(ARGV[2]), ARGV[3]
if call('ZREM', LEASES, part) == 0 then return end
call('ZADD', REDELIVERY, now + wait, part)
call('HINCRBY', JOB .. part, 'deliveries', -1)
call('HDEL', JOB .. part, 'resent')
"""

# Invariant: a part is counted once, in the step that ends it; whoever comes later with the same part changes nothing.
FINISH_PART = f"""
local now, ttl, batch, number = clock(ARGV[1]), num(ARGV[2]), ARGV[3], ARGV[4]
local rows, scored, rejected, results, errors, attempt, code, message = unpack(ARGV, 5, 12)
local part = part_of(batch, number)
local state, n, deadline, owner = unpack(call('HMGET', JOB .. part, 'state', 'patients', 'deadline', 'owner'))
if not open(state) then return 0 end
finish(part, state, 'succeeded', n, deadline, owner, now, ttl)
local bucket = DRAINED .. math.floor(now / {DRAIN_BUCKET_MS})
call('INCRBY', bucket, rows)
call('PEXPIRE', bucket, {4 * DRAIN_BUCKET_MS})
call('HSET', DONE .. batch, number, table.concat({{rows, scored, rejected, results, errors, attempt}}, ' '))
call('HINCRBY', BATCH .. batch, 'rows', rows)
call('HINCRBY', BATCH .. batch, 'scored', scored)
local bad = call('HINCRBY', BATCH .. batch, 'rejected', rejected)
local done = call('HINCRBY', BATCH .. batch, 'parts_done', 1)
local from, parts, most = unpack(call('HMGET', BATCH .. batch, 'state', 'parts', 'most'))
if most ~= '' and bad > num(most) then
  stop(batch, 'failed', now, ttl, 'code', code, 'message', message)
elseif done == num(parts) then
  close(batch, from, 'succeeded', now, ttl)
end
flush()
return 1
"""

# Invariant: only an open batch is ended so, and no part of it is open afterwards.
FAIL = """
stop(ARGV[3], 'failed', clock(ARGV[1]), num(ARGV[2]), 'code', ARGV[4], 'message', ARGV[5])
flush()
"""

# Invariant: as for FAIL, and only one that is shown to who asks.
CANCEL = """
local now, ttl, id, sees, key = clock(ARGV[1]), num(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
local state, owner = unpack(call('HMGET', BATCH .. id, 'state', 'owner'))
if open(state) and shown(sees, owner) then
  stop(id, 'canceled', now, ttl)
  note(key, 'cancel', 'batch', id)
end
flush()
"""

# Invariant: afterwards no key holds the id but the audit, and the trash, where it stays until the store holds nothing
# of it either: it is swept at once, and again when no worker can be left that has a part of it and writes late.
ERASE = """
local id, now, sees, who = ARGV[2], clock(ARGV[1]), ARGV[4], ARGV[5]
local state, parts, key, owner = unpack(call('HMGET', BATCH .. id, 'state', 'parts', 'idem', 'owner'))
if not state or not shown(sees, owner) then return 0 end
note(who, 'erase', 'batch', id)
stop(id, 'canceled', now, 60000)
flush()
for i = 1, num(parts) do
  local part = part_of(id, i)
  local state, owner = unpack(call('HMGET', JOB .. part, 'state', 'owner'))
  if state then call('ZREM', own(owner) .. state, part) end
  call('DEL', JOB .. part)
end
enlist(id, call('HGET', BATCH .. id, 'state'))
if key and string.sub(call('GET', IDEMPOTENCY .. key) or '', -#id) == id then call('DEL', IDEMPOTENCY .. key) end
call('DEL', BATCH .. id, DONE .. id)
call('ZREM', BATCH_CALLBACKS, id)
call('ZADD', TRASH, now, id, now + num(ARGV[3]), id .. '/')
call('PUBLISH', ENDED, part_of(id, 0))
return 1
"""

# Invariant: a batch with a part in quarantine ends as failed; its other results stay.
FAIL_QUARANTINED = """
local now, ttl, message = clock(ARGV[1]), num(ARGV[2]), ARGV[3]
local failed = 0
for _, part in ipairs(call('ZRANGE', QUARANTINE, 0, 999)) do
  stop(string.sub(part, 1, 36), 'failed', now, ttl, 'code', 'quarantined', 'message', message)
  call('ZREM', QUARANTINE, part)
  failed = failed + 1
end
flush()
return failed
"""
