-- Library: how jobs wait, and how much one owner may have. Needs lib/jobs.lua before it.
--
-- Owners share the workers by start-time fair queueing (Goyal, Vin, Cheng: Start-time Fair Queuing, SIGCOMM 1996).
-- Each owner with waiting jobs has a mark, the records that it was served divided by its weight, and whoever has the
-- least is next. That is weighted deficit round-robin without the rounds: a job of 10,000 records makes its owner wait
-- until the others were served as much, and no step counts credit up, so that each is O(log n). An owner that comes
-- anew begins where the one served last began, or at its own mark if that is greater: to come and go wins nothing.
-- Once no job waits, all begin at 0. lib/fair_queue.lua serves the owners.

local entering, leaving = {}, {} -- owners with jobs that wait anew, or do not any more

-- Takes a job out of those that wait.
function dequeue(id, owned_by)
  gather('ZREM', WAITING .. owned_by, id)
  leaving[owned_by] = true
end

-- Puts a job among those that wait, by its priority and then by its time.
function enqueue(id, owner, priority, now)
  local owned_by = waiting_owner(id, owner)
  gather('ZADD', WAITING .. owned_by, (priority or USUAL_PRIORITY) * PRIORITY_STEP + now, id)
  entering[owned_by] = true
end

-- Gives each owner whose jobs wait anew its place among the others, and takes it from those that have none.
function place_owners()
  for owner in pairs(leaving) do
    if call('EXISTS', WAITING .. owner) == 0 and call('ZREM', OWNERS, owner) == 1 and call('EXISTS', OWNERS) == 0 then
      call('DEL', MARKS)
    end
  end
  for owner in pairs(entering) do
    if call('ZADD', OWNERS, 'NX', 0, owner) == 1 then
      local mark, latest = unpack(call('HMGET', MARKS, owner, LATEST))
      if latest then call('ZADD', OWNERS, math.max(num(mark or 0), num(latest)), owner) end
    end
  end
  entering, leaving = {}, {}
end

-- An owner's weight, which its API key names; 1 where it names none.
local function weight_of(owner) return num(call('HGET', KEY .. owner, 'weight') or 1) end

-- Whether the owner may have `n` more records open; `free` of the `limit` is what the service could take of all.
local function has_share(owner, n, free, limit)
  if owner == '' or free == limit then return true end -- where nothing is open, no one is held up
  local mine = num(call('HGET', SHARES, owner) or 0) + (shares[owner] or 0)
  return mine + n <= SHARE_OF_FREE * weight_of(owner) * (free - n)
end

-- The part of the time that results are kept, `ttl`, into which a time falls.
local function bucket_of(at, ttl) return math.floor(at / math.max(1, math.floor(ttl / RESULT_BUCKETS))) end

-- Counts bytes of an owner's results made at this time, which may be fewer than none.
local function count_results(owner, bytes, at, ttl, now)
  local key = RESULTS .. owner
  if call('HINCRBY', key, bucket_of(at, ttl), bytes) == bytes then
    local found = call('HGETALL', key)
    for i = 1, #found, 2 do
      if num(found[i]) < bucket_of(now - ttl, ttl) then call('HDEL', key, found[i]) end
    end
  end
  call('PEXPIRE', key, 2 * ttl)
end

-- Whether the results that are kept for the owner leave enough of Redis's memory to others.
local kept = {}
local function has_room(owner, ttl, now)
  local room = owner ~= '' and call('GET', FREE_MEMORY)
  if not room then return true end
  if not kept[owner] then
    kept[owner] = 0
    local found = call('HGETALL', RESULTS .. owner)
    for i = 1, #found, 2 do
      if num(found[i]) >= bucket_of(now - ttl, ttl) then kept[owner] = kept[owner] + found[i + 1] end
    end
  end
  return kept[owner] <= SHARE_OF_FREE * weight_of(owner) * num(room)
end

-- Takes over what format 1 of the ledger has of a job; `at` is its score there.
local function adopt_format_1(id, at)
  local state, n, owner = unpack(call('HMGET', JOB .. id, 'state', 'patients', 'owner'))
  call('ZREM', FORMAT_1, id)
  if not is_open(state) or call('ZSCORE', LEASES, id) then return end
  count_share(waiting_owner(id, owner), n)
  if at < 0 then enqueue(id, owner, nil, -at) else gather('ZADD', REDELIVERY, at, id) end
end
