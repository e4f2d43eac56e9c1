-- Removes every trace of a batch from the ledger.
--
-- KEYS: none
-- ARGV: 1 now: ms since 1970; empty for the clock of Redis
--       2 id
--       3 ms after which the store is swept of it once more
--       4 sees: the owner whose batches alone are shown to who asks; empty where all are
--       5 who: who asks, for the audit; empty for no one in particular
-- Returns 1, or 0 if there is no such batch that is shown to who asks.
--
-- Invariant: afterwards no key holds the id but the audit, and the trash, where it stays until the store holds nothing
-- of it either: it is swept at once, and again when no worker can be left that has a part of it and writes late.

local id, now, sees, who = ARGV[2], read_clock(ARGV[1]), ARGV[4], ARGV[5]
local state, parts, key, owner = unpack(call('HMGET', BATCH .. id, 'state', 'parts', 'idem', 'owner'))
if not state or not may_see(sees, owner) then return 0 end
add_audit_event(who, 'erase', 'batch', id)
stop_batch(id, 'canceled', now, 60000) -- ms, but all of it is deleted below
flush()
for i = 1, num(parts) do
  local part = part_id(id, i)
  local state, owner = unpack(call('HMGET', JOB .. part, 'state', 'owner'))
  if state then call('ZREM', index_of(owner) .. state, part) end
  call('DEL', JOB .. part)
end
move_batch(id, call('HGET', BATCH .. id, 'state'))
if key and string.sub(call('GET', IDEMPOTENCY .. key) or '', -#id) == id then call('DEL', IDEMPOTENCY .. key) end
call('DEL', BATCH .. id, DONE .. id)
call('ZREM', BATCH_CALLBACKS, id)
call('ZADD', TRASH, now, id, now + num(ARGV[3]), id .. '/')
call('PUBLISH', ENDED, part_id(id, 0))
return 1
