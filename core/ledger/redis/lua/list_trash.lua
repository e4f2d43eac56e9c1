-- Lists what the store shall hold nothing of any more.
--
-- KEYS: none
-- ARGV: 1 now: ms since 1970; empty for the clock of Redis
--       2 ids at most
-- Returns ids, some with a slash.
--
-- Invariant: what is named here is no upload's and no batch's any more; it is named until the store was swept.

return call('ZRANGE', TRASH, '-inf', read_clock(ARGV[1]), 'BYSCORE', 'LIMIT', 0, ARGV[2])
