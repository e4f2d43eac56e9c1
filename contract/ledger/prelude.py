"""What the scripts of a ledger begin with: the names of its keys, and the steps that several of them take."""

from contract.ledger.keys import AUDIT, DAY_MS, ROWS, Keys

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

-- Ends a job that was open and of `n` patients, who are erased; `...` are further fields of its record.
local function finish(id, from, to, n, deadline, owner, now, ttl, ...)
  later('ZREM', OPEN, id)
  if deadline then later('ZREM', DEADLINES, id) end
  backlog = backlog - n
  move(id, from, to, owner)
  call('HSET', JOB .. id, 'state', to, 'finished', now, 'rows', '', ...)
  call('PEXPIREAT', JOB .. id, now + ttl)
  if some_are_told then call('ZADD', CALLBACKS, 'XX', now, id) end
  ended[#ended + 1] = id
end

local function write(id, rows, n, now, explain, owner)
  if owner and owner ~= '' then
    call('HSET', JOB .. id, 'state', 'queued', 'rows', rows, 'patients', n, 'owner', owner)
  else
    call('HSET', JOB .. id, 'state', 'queued', 'rows', rows, 'patients', n)
  end
  if explain == '1' then call('HSET', JOB .. id, 'explain', 1) end
  later('ZADD', own(owner) .. 'queued', 0, id)
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
local AUDIT, ROWS, DAY = '{AUDIT}', '{ROWS}', {DAY_MS}
{COMMON}"""
