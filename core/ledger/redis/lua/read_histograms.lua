-- Adds up the histograms of some hours: of a day, a client would have two thousand counts to read.
--
-- KEYS: none
-- ARGV: 1 now: ms since 1970; empty for the clock of Redis
--       2 what their names begin with; the hour follows
--       3 hours between the last of them and this one
--       4 how many hours
-- Returns now, in seconds since 1970, and a list: the name of each bin, and its records.
--
-- Invariant: nothing is changed.

local now = seconds()
local last, sums, flat = math.floor(now / HOUR_S) - ARGV[3], {}, {}
for hour = last - ARGV[4] + 1, last do
  local found = redis.call('HGETALL', ARGV[2] .. hour)
  for place = 1, #found, 2 do sums[found[place]] = (sums[found[place]] or 0) + found[place + 1] end
end
for name, sum in pairs(sums) do
  flat[#flat + 1] = name
  flat[#flat + 1] = string.format('%.0f', sum)
end
return {now, flat}
