"""What the scripts of a ledger begin with: the names of its keys, and the steps that several of them take."""

from core.ids import PROBE_JOB_PREFIX
from core.ledger.redis.keys import ACCEPTED, AUDIT, DAY_MS, KEY, PROBES, ROOM, ROWS, Keys
from core.ledger.redis.lua.waiting_scripts import WAITING

NO_WRITES = "#!lua flags=no-writes\n"
"""Heads every script that only reads: a Redis whose disk is full, and takes no change, must still be able to answer."""

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
local gathered, begun, ended, backlog, shares, written = {}, {}, {}, 0, {}, nil
local enter, enqueue, dequeue -- of jobs that wait: see below

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
  if backlog ~= 0 and call('INCRBY', BACKLOG, backlog) <= 0 then
    call('DEL', SHARES)
  else
    for owner, n in pairs(shares) do call('HINCRBY', SHARES, owner, n) end
  end
  if written and string.sub(written, 1, #PROBE_ID) ~= PROBE_ID then call('INCRBY', ACCEPTED, 1) end
  enter()
  if #begun > 0 then call('PUBLISH', BEGUN, table.concat(begun, ' ')) end
  if #ended > 0 then call('PUBLISH', ENDED, table.concat(ended, ' ')) end
  gathered, begun, ended, backlog, shares, written = {}, {}, {}, 0, {}, nil
end

-- What the names of an owner's indexes begin with; what has no owner stands in those without.
local owned = {['']=INDEX}
local function own(owner)
  if not owner then return INDEX end
  local mine = owned[owner]
  if not mine then
    mine = INDEX .. owner .. ':'
    owned[owner] = mine
  end
  return mine
end

local function move(id, from, to, owner)
  local mine = own(owner)
  later('ZREM', mine .. from, id)
  later('ZADD', mine .. to, 0, id)
end

local function note(key, action, kind, ids)
  if key ~= '' then call('XADD', AUDIT, '*', 'key', key, 'action', action, 'kind', kind, 'ids', ids) end
end

-- Whether all is shown to who asks, or this is theirs.
local function shown(sees, owner) return sees == '' or sees == owner end

-- Counts what an owner sends today, unless that were more than the `most` they may; says whether it was.
local function spend(owner, n, most, now)
  if most == '' then return true end
  local key = ROWS .. owner .. ':' .. math.floor(now / DAY)
  if num(call('GET', key) or 0) + n > num(most) then return false end
  call('INCRBY', key, n)
  call('PEXPIRE', key, 2 * DAY)
  return true
end

-- Whom a job waits with: its owner, nobody, or the probe jobs, which are no one's.
local function waits_with(id, owner)
  if string.sub(id, 1, #PROBE_ID) == PROBE_ID then return PROBES end
  return owner or ''
end

-- Counts records that an owner has open by so many more.
local function share(owned_by, n)
  if owned_by ~= '' and owned_by ~= PROBES then shares[owned_by] = (shares[owned_by] or 0) + n end
end

-- Takes an open job out of wherever it is on its way.
local function unqueue(id, state, owned_by)
  if state == 'queued' then
    dequeue(id, owned_by)
  else
    later('ZREM', LEASES, id)
    later('ZREM', REDELIVERY, id)
  end
end

-- Ends a job that was open and of `n` patients, who are erased; `...` are further fields of its record.
local function finish(id, from, to, n, deadline, owner, now, ttl, ...)
  local owned_by = waits_with(id, owner)
  unqueue(id, from, owned_by)
  if deadline then later('ZREM', DEADLINES, id) end
  backlog = backlog - n
  share(owned_by, -n)
  move(id, from, to, owner)
  call('HSET', JOB .. id, 'state', to, 'finished', now, 'rows', '', ...)
  call('PEXPIREAT', JOB .. id, now + ttl)
  if some_are_told then call('ZADD', CALLBACKS, 'XX', now, id) end
  ended[#ended + 1] = id
end

local function write(id, rows, n, now, explain, owner, priority)
  if owner and owner ~= '' then
    call('HSET', JOB .. id, 'state', 'queued', 'rows', rows, 'patients', n, 'owner', owner)
  else
    call('HSET', JOB .. id, 'state', 'queued', 'rows', rows, 'patients', n)
  end
  if explain and explain ~= '0' then call('HSET', JOB .. id, 'explain', explain) end
  later('ZADD', own(owner) .. 'queued', 0, id)
  enqueue(id, owner, priority, now)
  backlog = backlog + n
  share(waits_with(id, owner), n)
  written = id
end
"""


def prelude(keys: Keys) -> str:
    """Return what every script of the ledger with these keys begins with."""
    return f"""
local JOB, INDEX, DEADLINES, FORMAT_1 = '{keys.job}', '{keys.index}', '{keys.deadlines}', '{keys.format_1}'
local WAITING, OWNERS, MARKS, SHARES = '{keys.waiting}', '{keys.owners}', '{keys.marks}', '{keys.shares}'
local LEASES, REDELIVERY, UNATTENDED = '{keys.leases}', '{keys.redelivery}', '{keys.unattended}'
local RESULTS, ROOM, ACCEPTED = '{keys.results}', '{ROOM}', '{ACCEPTED}'
local QUARANTINE, PASSED, BACKLOG, DRAINED = '{keys.quarantine}', '{keys.passed}', '{keys.backlog}', '{keys.drained}'
local IDEMPOTENCY, QUEUE, CLAIMED, CONSUMED = '{keys.idempotency}', '{keys.queue}', '{keys.claimed}', '{keys.consumed}'
local BEGUN, ENDED, ANSWERS, CALLBACKS = '{keys.begun}', '{keys.ended}', '{keys.answers}', '{keys.callbacks}'
local ATTENDED, WORD, PROBES, PROBE_ID = '{keys.attended}', '{keys.word}', '{PROBES}', '{PROBE_JOB_PREFIX}'
local AUDIT, ROWS, DAY, KEY = '{AUDIT}', '{ROWS}', {DAY_MS}, '{KEY}'
{COMMON}{WAITING}"""
