-- Says how a part of a batch is read, before it is scored.
--
-- KEYS: none
-- ARGV: 1 now: ms since 1970; empty for the clock of Redis
--       2 id: of the batch
-- Returns the JSON of its form, the `traceparent` of its upload and its owner, each of the last two empty if there is
-- none; nil if the batch has ended.
--
-- Invariant: a batch runs from when its first part is taken; who takes one is told how to read it, for which request
-- and whose it is, or that it has ended.

local id = ARGV[2]
local state, form, trace, owner = unpack(call('HMGET', BATCH .. id, 'state', 'form', 'trace', 'owner'))
if not is_open(state) then return nil end
if state == 'queued' then
  call('HSET', BATCH .. id, 'state', 'running', 'started', read_clock(ARGV[1]))
  move_batch(id, 'queued', 'running')
end
return {form, trace or '', owner or ''}
