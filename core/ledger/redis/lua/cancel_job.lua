-- Ends a job as canceled.
--
-- KEYS: none
-- ARGV: 1 now: ms since 1970; empty for the clock of Redis
--       2 ttl: ms for which a result is kept
--       3 id
--       4 sees: the owner whose jobs alone are shown to who asks; empty where all are
--       5 key: who asks, for the audit; empty for no one in particular
-- Returns nothing.
--
-- Invariant: only an open job that is shown to who asks is canceled, and its records are gone with it.

local id, sees, key = ARGV[3], ARGV[4], ARGV[5]
local state, n, deadline, owner = unpack(call('HMGET', JOB .. id, 'state', 'patients', 'deadline', 'owner'))
if is_open(state) and may_see(sees, owner) then
  end_job(id, state, 'canceled', n, deadline, owner, read_clock(ARGV[1]), num(ARGV[2]))
  add_audit_event(key, 'cancel', 'job', id)
end
flush()
