-- Notes that the store holds nothing of an id any more.
--
-- KEYS: none
-- ARGV: 1 now: ms since 1970; empty for the clock of Redis
--       2 id, as `list_trash` has named it
-- Returns nothing.
--
-- Invariant: what is not due is not forgotten.

local score = call('ZSCORE', TRASH, ARGV[2])
if score and num(score) <= read_clock(ARGV[1]) then call('ZREM', TRASH, ARGV[2]) end
