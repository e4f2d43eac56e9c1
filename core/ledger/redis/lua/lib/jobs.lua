-- Library of every script over jobs: the steps that several of them take. Needs lib/waiting.lua after it.
--
-- A script only gathers most of its changes, and `flush` makes them: so each that gathers any ends with it.

local call, num = redis.call, tonumber
local has_callbacks = call('EXISTS', CALLBACKS) == 1

-- Whether a worker is trusted to look again for what waits.
local function is_long_polled(now) return num(call('GET', LONG_POLL_UNTIL) or 0) > now end

-- The time in ms since 1970: the one that is given, or else that of Redis.
local function read_clock(given)
  if given ~= '' then return num(given) end
  local t = call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function is_open(state) return state == 'queued' or state == 'running' end

-- One call with many members costs far less than many calls with one: they are gathered here, and `flush` makes them.
local gathered, begun, ended, backlog, shares, written = {}, {}, {}, 0, {}, nil
local place_owners, enqueue, dequeue -- see lib/waiting.lua

-- Has `flush` make a call of this command on this key, with all members that are gathered for it.
local function gather(command, key, first, second)
  local list = gathered[command .. key]
  if not list then
    list = {command, key}
    gathered[command .. key] = list
  end
  list[#list + 1] = first
  list[#list + 1] = second
end

-- Makes what was gathered true, counts it, and tells who listens which jobs have begun and ended.
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
  place_owners()
  if #begun > 0 then call('PUBLISH', BEGUN, table.concat(begun, ' ')) end
  if #ended > 0 then call('PUBLISH', ENDED, table.concat(ended, ' ')) end
  gathered, begun, ended, backlog, shares, written = {}, {}, {}, 0, {}, nil
end

-- What the names of an owner's indexes begin with. What has no owner stands in indexes without a name.
local indexes = {['']=INDEX}
local function index_of(owner)
  if not owner then return INDEX end
  local mine = indexes[owner]
  if not mine then
    mine = INDEX .. owner .. ':'
    indexes[owner] = mine
  end
  return mine
end

-- Moves a job to the index of another state among those of its owner.
local function move_job(id, from, to, owner)
  local mine = index_of(owner)
  gather('ZREM', mine .. from, id)
  gather('ZADD', mine .. to, 0, id)
end

-- Adds to the audit what the holder of a key did, if there is one.
local function add_audit_event(key, action, kind, ids)
  if key ~= '' then call('XADD', AUDIT, '*', 'key', key, 'action', action, 'kind', kind, 'ids', ids) end
end

-- Whether who asks is shown everything, or this is theirs.
local function may_see(sees, owner) return sees == '' or sees == owner end

-- Counts `n` records that an owner sends today, unless they may not send them: `most` a day, no limit if empty. Returns
-- whether they may.
local function spend_quota(owner, n, most, now)
  if most == '' then return true end
  local key = ROWS .. owner .. ':' .. math.floor(now / DAY_MS)
  if num(call('GET', key) or 0) + n > num(most) then return false end
  call('INCRBY', key, n)
  call('PEXPIRE', key, 2 * DAY_MS)
  return true
end

-- Whom a job waits with: its owner, nobody, or the probe jobs, which are no one's.
local function waiting_owner(id, owner)
  if string.sub(id, 1, #PROBE_ID) == PROBE_ID then return PROBES end
  return owner or ''
end

-- Counts `n` more records that an owner has open, or fewer if it is less than 0.
local function count_share(owned_by, n)
  if owned_by ~= '' and owned_by ~= PROBES then shares[owned_by] = (shares[owned_by] or 0) + n end
end

-- Takes an open job out of wherever it is on its way.
local function withdraw_job(id, state, owned_by)
  if state == 'queued' then
    dequeue(id, owned_by)
  else
    gather('ZREM', LEASES, id)
    gather('ZREM', REDELIVERY, id)
  end
end

-- Ends a job that was open and of `n` records, which are erased; `...` are further fields of its record.
local function end_job(id, from, to, n, deadline, owner, now, ttl, ...)
  local owned_by = waiting_owner(id, owner)
  withdraw_job(id, from, owned_by)
  if deadline then gather('ZREM', DEADLINES, id) end
  backlog = backlog - n
  count_share(owned_by, -n)
  move_job(id, from, to, owner)
  call('HSET', JOB .. id, 'state', to, 'finished', now, 'rows', '', ...)
  call('PEXPIREAT', JOB .. id, now + ttl)
  if has_callbacks then call('ZADD', CALLBACKS, 'XX', now, id) end
  ended[#ended + 1] = id
end

-- Writes a new job down, of `n` records, and has it wait.
local function write_job(id, rows, n, now, explain, owner, priority)
  if owner and owner ~= '' then
    call('HSET', JOB .. id, 'state', 'queued', 'rows', rows, 'patients', n, 'owner', owner)
  else
    call('HSET', JOB .. id, 'state', 'queued', 'rows', rows, 'patients', n)
  end
  if explain and explain ~= '0' then call('HSET', JOB .. id, 'explain', explain) end
  gather('ZADD', index_of(owner) .. 'queued', 0, id)
  enqueue(id, owner, priority, now)
  backlog = backlog + n
  count_share(waiting_owner(id, owner), n)
  written = id
end
