-- Adds to the audit that another model scores from now on.
--
-- KEYS: 1 version that was noted last
--       2 the audit
-- ARGV: 1 version
--       2 who found it
--       3 action
-- Returns nothing.
--
-- Invariant: it is added only if it is not the version that was noted last.

if redis.call('GET', KEYS[1]) == ARGV[1] then return end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('XADD', KEYS[2], '*', 'key', ARGV[2], 'action', ARGV[3], 'kind', 'model', 'ids', ARGV[1])
