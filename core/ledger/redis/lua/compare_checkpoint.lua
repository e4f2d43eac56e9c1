-- Compares this ledger with what is known of it elsewhere, and notes what it has lost.
--
-- KEYS: none
-- ARGV: 1 now: ms since 1970; empty for the clock of Redis
--       2 keeps: 1 if who asks keeps the checkpoint, else 0
--       3 epoch: that is known; empty for none
--       4 mark: that is known, ms since 1970
--       5 fresh: an epoch for a ledger that has none yet
--       6 kept: ms for which a loss is told of
--       7 behind: ms that an id's time may be behind the clock of Redis
--       of each loss that is known, 2 from 8 on: "how since until", and until, ms since 1970
-- Returns the epoch, the mark, and each loss; an empty list if there is no checkpoint and none is to be made.
--
-- Invariant: a loss is noted once, whoever compares: from then on the epoch is the known one and the mark above it, or,
-- if another ledger is here, that one says which it came after, and when.

local now, keeps, epoch, mark, fresh = read_clock(ARGV[1]), ARGV[2] == '1', ARGV[3], num(ARGV[4]), ARGV[5]
local kept, behind = num(ARGV[6]), num(ARGV[7])
local here, marked, counted, former, until_then =
  unpack(call('HMGET', CHECKPOINT, 'epoch', 'mark', 'accepted', 'former', 'until'))
if not here and epoch == '' and not keeps then return {} end

-- The earliest time of an id that may have been lost: `since`, or before. An upload that was going on at the mark may
-- have become a batch since, and its id is older.
local function earliest(since)
  for _, id in ipairs(call('ZRANGE', TRASH, 0, -1)) do
    if #id == 36 and call('EXISTS', BATCH .. id) == 0 then
      since = math.min(since, num(string.sub(id, 1, 8) .. string.sub(id, 10, 13), 16))
    end
  end
  return math.max(since, 0)
end

local how, since = nil, 0
if epoch ~= '' then
  if not here then how = 'emptied'
  elseif here ~= epoch then
    if former ~= epoch or num(until_then) < mark then how = 'other' end
  elseif num(marked) < mark then how, since = 'older', earliest(num(marked) - behind) end
end
if not here then here = epoch ~= '' and epoch or fresh end
for i = 8, #ARGV, 2 do call('ZADD', LOSSES, ARGV[i + 1], ARGV[i]) end
if how then
  call('ZADD', LOSSES, now, how .. ' ' .. since .. ' ' .. now)
  if how == 'other' then call('HSET', CHECKPOINT, 'former', epoch, 'until', now) else marked = mark end
  -- An empty message makes those who wait ask anew.
  for _, channel in ipairs({JOBS_ENDED, PARTS_ENDED}) do call('PUBLISH', channel, '') end
end
for _, loss in ipairs(call('ZRANGE', LOSSES, '-inf', now - kept, 'BYSCORE')) do call('ZREM', LOSSES, loss) end
local accepted = call('GET', ACCEPTED) or '0'
if how or keeps and accepted ~= counted then
  marked = math.max(now, num(marked or 0) + 1)
  call('HSET', CHECKPOINT, 'epoch', here, 'mark', marked, 'accepted', accepted)
end
return {here, tostring(marked), unpack(call('ZRANGE', LOSSES, 0, -1))}
