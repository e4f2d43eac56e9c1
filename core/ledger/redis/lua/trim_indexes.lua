-- Forgets ids of jobs that are long gone.
--
-- KEYS: none
-- ARGV: 1 oldest: least id that is still known to be gone
--       2 most: ids that are looked at in each index
--       3 and on: names of the indexes
-- Returns how many ids were forgotten.
--
-- Invariant: an index entry outlives its job's hash by the stated time, in which the job is known to be gone.

local oldest, most, removed = ARGV[1], num(ARGV[2]), 0
for i = 3, #ARGV do
  for _, id in ipairs(call('ZRANGE', ARGV[i], '-', '(' .. oldest, 'BYLEX', 'LIMIT', 0, most)) do
    if call('EXISTS', JOB .. id) == 0 then
      call('ZREM', ARGV[i], id)
      call('ZREM', DEAD_LETTERS, id)
      removed = removed + 1
    end
  end
end
return removed
