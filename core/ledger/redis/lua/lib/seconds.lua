-- Library of the scripts over histograms: the time.

-- The time in seconds since 1970: the one that is given, or else that of Redis.
local function seconds()
  return ARGV[1] ~= '' and math.floor(ARGV[1] / 1000) or tonumber(redis.call('TIME')[1])
end
