-- Gives jobs that a worker holds a whole lease from now.
--
-- KEYS: none
-- ARGV: 1 now: ms since 1970; empty for the clock of Redis
--       2 lease: ms
--       3 and on: ids
-- Returns nothing.
--
-- Invariant: only a job that is in a worker's hands has its lease moved, and only to later.

local lease_end = read_clock(ARGV[1]) + num(ARGV[2])
for i = 3, #ARGV do
  call('ZADD', LEASES, 'XX', 'GT', lease_end, ARGV[i])
end
