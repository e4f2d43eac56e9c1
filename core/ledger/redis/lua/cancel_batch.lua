-- Ends a batch as canceled.
--
-- KEYS: none
-- ARGV: 1 now: ms since 1970; empty for the clock of Redis
--       2 ttl: ms for which a result is kept
--       3 id
--       4 sees: the owner whose batches alone are shown to who asks; empty where all are
--       5 key: who asks, for the audit; empty for no one in particular
-- Returns nothing.
--
-- Invariant: only an open batch that is shown to who asks is ended so, and no part of it is open afterwards.

local now, ttl, id, sees, key = read_clock(ARGV[1]), num(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
local state, owner = unpack(call('HMGET', BATCH .. id, 'state', 'owner'))
if is_open(state) and may_see(sees, owner) then
  stop_batch(id, 'canceled', now, ttl)
  add_audit_event(key, 'cancel', 'batch', id)
end
flush()
