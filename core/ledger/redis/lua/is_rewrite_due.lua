-- Says whether Redis is to write its append-only file anew.
--
-- KEYS: none
-- ARGV: 1 seconds in which that is due once
-- Returns OK, or nil if it is not due.
--
-- Invariant: of all who ask within the time that is given, one is told that it is due. A Redis whose memory is full
-- refuses a plain SET, but not this.

return redis.call('SET', REWRITTEN, 1, 'NX', 'EX', ARGV[1])
