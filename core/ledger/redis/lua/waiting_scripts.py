"""How jobs wait and are chosen, in Lua: the part of `prelude` that makes claims go round the owners.

Owners share the workers by start-time fair queueing (Goyal, Vin, Cheng: Start-time Fair Queuing, SIGCOMM 1996): each
owner with waiting jobs has a mark, the records that it was served divided by its weight, and whoever has the least is
next. That is weighted deficit round-robin without the rounds: a job of 10,000 records makes its owner wait until the
others were served as much, and no step counts credit up, so that each is O(log n). An owner that comes anew begins
where the one served last began, or at its own mark if that is greater: to come and go wins nothing. Once no job waits,
all begin at 0.
"""

from core.ledger.protocol import USUAL_PRIORITY

SHARE_OF_FREE = 4
"""How many times what stays free of a backlog one owner may hold, times its weight: dynamic queue-length thresholds.

So k busy owners of weight 1 hold at most 4 / (1 + 4 k) of the limit each: one alone 80 %, two 44 %, ten 10 %, and a new
one always finds room. Source: Choudhury, Hahne: Dynamic Queue Length Thresholds for Shared-Memory Packet Switches,
IEEE/ACM Transactions on Networking 6(2), 1998.
"""

RECORDS_A_VISIT = 16
"""Records, and most jobs, that an owner is served before the next is looked at, where several have jobs that wait.

Small against a claim's 256 jobs, so that each claim serves many owners; large against the calls that a visit costs.
"""

RESULT_BUCKETS, RECORD_BYTES = 24, 300
"""Parts of the time that results are kept in which an owner's are counted; what a record takes besides its scores."""

PRIORITY_STEP = 2**42
"""What one step of priority weighs in a score, above every time in ms until 2109; eight are exact in a double."""

LATEST = "."  # in `marks`: the mark of the owner that was served last, as it was before; no key has such a prefix

WAITING = f"""
local entering, leaving = {{}}, {{}} -- owners with jobs that wait anew, or do not any more
function dequeue(id, owned_by)
  later('ZREM', WAITING .. owned_by, id)
  leaving[owned_by] = true
end

function enqueue(id, owner, priority, now)
  local owned_by = waits_with(id, owner)
  later('ZADD', WAITING .. owned_by, (priority or {USUAL_PRIORITY}) * {PRIORITY_STEP} + now, id)
  entering[owned_by] = true
end

-- Gives each owner whose jobs wait anew its place among the others, and takes it from those that have none.
function enter()
  for owner in pairs(leaving) do
    if call('EXISTS', WAITING .. owner) == 0 and call('ZREM', OWNERS, owner) == 1 and call('EXISTS', OWNERS) == 0 then
      call('DEL', MARKS)
    end
  end
  for owner in pairs(entering) do
    if call('ZADD', OWNERS, 'NX', 0, owner) == 1 then
      local mark, latest = unpack(call('HMGET', MARKS, owner, '{LATEST}'))
      if latest then call('ZADD', OWNERS, math.max(num(mark or 0), num(latest)), owner) end
    end
  end
  entering, leaving = {{}}, {{}}
end

local function weight_of(owner) return num(call('HGET', KEY .. owner, 'weight') or 1) end

-- Whether the owner may have so much more that is open; `free` of the `limit` is what the service could take of all.
local function has_share(owner, n, free, limit)
  if owner == '' or free == limit then return true end -- where nothing is open, no one is held up
  local mine = num(call('HGET', SHARES, owner) or 0) + (shares[owner] or 0)
  return mine + n <= {SHARE_OF_FREE} * weight_of(owner) * (free - n)
end

local function bucket_of(at, ttl) return math.floor(at / math.max(1, math.floor(ttl / {RESULT_BUCKETS}))) end

-- Counts bytes of an owner's results made at this time, be they less than none.
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
local kept = {{}}
local function has_room(owner, ttl, now)
  local room = owner ~= '' and call('GET', ROOM)
  if not room then return true end
  if not kept[owner] then
    kept[owner] = 0
    local found = call('HGETALL', RESULTS .. owner)
    for i = 1, #found, 2 do
      if num(found[i]) >= bucket_of(now - ttl, ttl) then kept[owner] = kept[owner] + found[i + 1] end
    end
  end
  return kept[owner] <= {SHARE_OF_FREE} * weight_of(owner) * num(room)
end

-- Takes what format 1 has of a job over; `at` is its score there.
local function adopt(id, at)
  local state, n, owner = unpack(call('HMGET', JOB .. id, 'state', 'patients', 'owner'))
  call('ZREM', FORMAT_1, id)
  if not open(state) or call('ZSCORE', LEASES, id) then return end
  share(waits_with(id, owner), n)
  if at < 0 then enqueue(id, owner, nil, -at) else later('ZADD', REDELIVERY, at, id) end
end
"""
"""Needs `prelude.COMMON` before it."""

GO_ROUND = f"""
-- Claims what waits with one owner, `many` jobs at most and of `budget` records but for the last. Says how many records
-- that were, whether the next did not fit, and whether nothing waits with this owner any more.
local function claim_of(owner, claim, many, budget)
  local ids, gone, served, full = call('ZRANGE', WAITING .. owner, 0, many - 1), {{}}, 0, false
  for _, id in ipairs(ids) do
    local n = claim(id)
    full = not n
    if full then break end
    gone[#gone + 1], served = id, served + n
    if served >= budget then break end
  end
  if #gone > 0 then
    flush() -- their leases first: what fails between the two leaves a job in both, and not in neither
    call('ZREM', WAITING .. owner, unpack(gone))
  end
  local empty = #gone == #ids and (#ids < many or call('EXISTS', WAITING .. owner) == 0)
  if empty then call('ZREM', OWNERS, owner) end
  return served, full, empty
end

-- Claims for one owner after the other while there is room for that many jobs; says whether more waits.
local function go_round(claim, room_for)
  local full = false
  while not full do
    local many = room_for()
    local owner, mark, _, next_mark = unpack(call('ZRANGE', OWNERS, 0, 1, 'WITHSCORES'))
    if not owner then break end
    if not many or many < 1 then return true end
    local weight, budget, served, empty = 1, math.huge, 0, false
    if next_mark then
      weight = weight_of(owner)
      budget, many = (next_mark - mark) * weight + {RECORDS_A_VISIT}, math.min(many, {RECORDS_A_VISIT})
    end
    served, full, empty = claim_of(owner, claim, many, budget)
    if not empty then
      call('ZADD', OWNERS, mark + served / weight, owner)
      call('HSET', MARKS, '{LATEST}', mark)
    elseif next_mark then
      call('HSET', MARKS, owner, mark + served / weight, '{LATEST}', mark)
    else
      call('DEL', MARKS)
      break
    end
  end
  return full
end
"""
"""What CLAIM does for a turn; its `claim` claims one job."""
