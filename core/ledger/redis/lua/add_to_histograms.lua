-- Counts records in the bins of this hour's histograms.
--
-- KEYS: none
-- ARGV: 1 now: ms since 1970; empty for the clock of Redis
--       of each histogram, from 2 on:
--       +0 what its name begins with; the hour follows
--       +1 how many bins are named here
--       of each bin: its name, and how many records are added
-- Returns nothing.
--
-- Invariant: of what is counted in one call, all is or nothing.

local hour, place = math.floor(seconds() / HOUR_S), 2
while place < #ARGV do
  local key, after = ARGV[place] .. hour, place + 2 + 2 * ARGV[place + 1]
  for bin = place + 2, after - 2, 2 do redis.call('HINCRBY', key, ARGV[bin], ARGV[bin + 1]) end
  redis.call('EXPIRE', key, HISTOGRAM_TTL_S)
  place = after
end
