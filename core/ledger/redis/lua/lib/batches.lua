-- Library of every script that touches a key of a batch. Needs lib/jobs.lua and lib/waiting.lua before it. A part is a
-- job, so JOB, INDEX and the like are the keys of parts here.
--
-- A batch ends in the very script that ends its last part, or that finds too many records rejected.

-- The id of a part: parts of one batch sort by number.
local function part_id(batch, number) return batch .. string.format('.%06d', number) end

-- Moves a batch to the index of another state among those of its owner.
local function move_batch(batch, from, to)
  local owner = call('HGET', BATCH .. batch, 'owner')
  local mine = owner and BATCH_INDEX .. owner .. ':' or BATCH_INDEX
  call('ZREM', mine .. from, batch)
  if to then call('ZADD', mine .. to, 0, batch) end
end

-- Ends a batch all of whose parts have ended; `...` are further fields of its record.
local function end_batch(batch, from, to, now, ttl, ...)
  move_batch(batch, from, to)
  call('HSET', BATCH .. batch, 'state', to, 'finished', now, ...)
  call('PEXPIREAT', BATCH .. batch, now + ttl)
  call('PEXPIREAT', DONE .. batch, now + ttl)
  call('ZADD', TRASH, now + ttl, batch)
  call('ZADD', BATCH_CALLBACKS, 'XX', now, batch)
end

-- Counts the open batches of an owner.
local function count_open_batches(owner)
  local mine = BATCH_INDEX .. owner .. ':'
  return call('ZCARD', mine .. 'queued') + call('ZCARD', mine .. 'running')
end

-- Ends a batch that is open, and those of its parts that are.
local function stop_batch(batch, to, now, ttl, ...)
  local from, parts = unpack(call('HMGET', BATCH .. batch, 'state', 'parts'))
  if not is_open(from) then return end
  for i = 1, num(parts) do
    local part = part_id(batch, i)
    local state, n, deadline, owner = unpack(call('HMGET', JOB .. part, 'state', 'patients', 'deadline', 'owner'))
    if is_open(state) then end_job(part, state, 'canceled', n, deadline, owner, now, ttl) end
    call('ZREM', DEAD_LETTERS, part)
  end
  end_batch(batch, from, to, now, ttl, ...)
end
