-- Removes every trace of a job.
--
-- KEYS: none
-- ARGV: 1 now: ms since 1970; empty for the clock of Redis
--       2 ttl: ms for which a result is kept
--       3 id
--       4 sees: the owner whose jobs alone are shown to who asks; empty where all are
--       5 who: who asks, for the audit; empty for no one in particular
-- Returns 1, or 0 if there is no such job that is shown to who asks.
--
-- Invariant: afterwards no key but the audit holds the id; a message that still carries it finds nothing to claim.

local now, ttl, id, sees, who = read_clock(ARGV[1]), num(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
local state, n, key, owner, ended_at =
  unpack(call('HMGET', JOB .. id, 'state', 'patients', 'idem', 'owner', 'finished'))
if not state or not may_see(sees, owner) then return 0 end
add_audit_event(who, 'erase', 'job', id)
if is_open(state) then
  local owned_by = waiting_owner(id, owner)
  withdraw_job(id, state, owned_by)
  backlog = backlog - n
  count_share(owned_by, -n)
elseif owner and state == 'succeeded' then
  count_results(owner, -#call('HGET', JOB .. id, 'scores') - RECORD_BYTES, num(ended_at), ttl, now)
end
for _, set in ipairs({index_of(owner) .. state, DEADLINES, DEAD_LETTERS, CALLBACKS}) do call('ZREM', set, id) end
-- The key may have run out since, and stand for another job.
if key and string.sub(call('GET', IDEMPOTENCY .. key) or '', -#id) == id then call('DEL', IDEMPOTENCY .. key) end
ended[1] = id
flush()
return call('DEL', JOB .. id)
