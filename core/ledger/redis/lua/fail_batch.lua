-- Ends a batch as failed.
--
-- KEYS: none
-- ARGV: 1 now: ms since 1970; empty for the clock of Redis
--       2 ttl: ms for which a result is kept
--       3 id
--       4 code: of its error
--       5 message: of its error
-- Returns nothing.
--
-- Invariant: only an open batch is ended so, and no part of it is open afterwards.

stop_batch(ARGV[3], 'failed', read_clock(ARGV[1]), num(ARGV[2]), 'code', ARGV[4], 'message', ARGV[5])
flush()
