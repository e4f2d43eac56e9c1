-- Library of `claim_jobs`: serves the owners in turn, by the marks of lib/waiting.lua, which it needs before it.
--
-- `claim` is a function that claims one job by its id. It returns the job's records, 0 if it is not to be claimed, or
-- nil if it does not fit.

-- Claims what waits with one owner: `many` jobs at most, and no more once `budget` records are reached. Returns how
-- many records that were, whether the next job did not fit, and whether nothing waits with this owner any more.
local function claim_from(owner, claim, many, budget)
  local ids, gone, served, full = call('ZRANGE', WAITING .. owner, 0, many - 1), {}, 0, false
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

-- Claims for one owner after the other, while `room_for` returns how many jobs there is room for. Returns whether more
-- waits.
local function claim_in_turn(claim, room_for)
  local full = false
  while not full do
    local many = room_for()
    local owner, mark, _, next_mark = unpack(call('ZRANGE', OWNERS, 0, 1, 'WITHSCORES'))
    if not owner then break end
    if not many or many < 1 then return true end
    local weight, budget, served, empty = 1, math.huge, 0, false
    if next_mark then
      weight = weight_of(owner)
      budget, many = (next_mark - mark) * weight + RECORDS_A_VISIT, math.min(many, RECORDS_A_VISIT)
    end
    served, full, empty = claim_from(owner, claim, many, budget)
    if not empty then
      call('ZADD', OWNERS, mark + served / weight, owner)
      call('HSET', MARKS, LATEST, mark)
    elseif next_mark then
      call('HSET', MARKS, owner, mark + served / weight, LATEST, mark)
    else
      call('DEL', MARKS)
      break
    end
  end
  return full
end
