-- Writes a batch down with all of its parts.
--
-- KEYS: none
-- ARGV:  1 now: ms since 1970; empty for the clock of Redis
--        2 limit: lines that may be open in all
--        3 idem_ttl: ms for which an idempotency key is kept
--        4 id
--        5 key: hash of its idempotency key; empty for none
--        6 fingerprint: hash of its request, which a repeat must have too
--        7 form: JSON, how its file is read
--        8 bytes: of the file
--        9 lines: of the file
--       10 most: rejected records above which it fails; empty for no limit
--       11 callback: URL to call when it ends; empty for none
--       12 trace: `traceparent` of its upload; empty for none
--       13 owner: prefix of the API key; empty for none
--       14 daily: records that its owner may send a day; empty for no limit
--       15 at_once: batches that its owner may have open; empty for no limit
--       16 priority: 0 to 7, the most urgent first
--       of each part, 3 from 17 on:
--       +0 number: from 1 on
--       +1 first: its first line
--       +2 n: how many lines
-- Returns now, a status and an id, that of an earlier batch where the status is `replayed`.
--
-- Invariant: a batch is written whole, with all of its parts on their way, and only if its upload was not given up; a
-- batch that exists is left as it is, so that a call whose answer was lost can be made again.

local now, limit, idem_ttl, id = read_clock(ARGV[1]), num(ARGV[2]), num(ARGV[3]), ARGV[4]
local key, fingerprint, form, bytes, lines, most, callback, trace, owner, daily, at_once, priority = unpack(ARGV, 5, 16)
if call('EXISTS', BATCH .. id) == 1 then return {now, 'accepted', id} end
local held = key ~= '' and call('GET', IDEMPOTENCY .. key)
if held then
  if string.sub(held, 1, #fingerprint) ~= fingerprint then return {now, 'mismatch', id} end
  local first = string.sub(held, #fingerprint + 2)
  add_audit_event(owner, 'read', 'batch', first)
  return {now, 'replayed', first}
end
local free = limit - num(call('GET', BACKLOG) or 0)
if num(lines) > free then return {now, 'full', id} end
if not has_share(owner, lines, free, limit) then return {now, 'share', id} end
if num(call('ZSCORE', TRASH, id) or 0) <= now then return {now, 'lost', id} end
if at_once ~= '' and count_open_batches(owner) >= num(at_once) then return {now, 'batches', id} end
if not spend_quota(owner, lines, daily, now) then return {now, 'rows', id} end
for i = 17, #ARGV, 3 do
  local number, first, n = unpack(ARGV, i, i + 2)
  write_job(part_id(id, number), first, n, now, nil, owner, priority)
end
call('HSET', BATCH .. id, 'state', 'queued', 'form', form, 'bytes', bytes, 'lines', lines, 'most', most,
  'parts', (#ARGV - 16) / 3)
if trace ~= '' then call('HSET', BATCH .. id, 'trace', trace) end
if owner ~= '' then call('HSET', BATCH .. id, 'owner', owner) end
move_batch(id, 'queued', 'queued')
add_audit_event(owner, 'submit', 'batch', id)
if key ~= '' then
  call('SET', IDEMPOTENCY .. key, fingerprint .. ' ' .. id, 'PX', idem_ttl)
  call('HSET', BATCH .. id, 'idem', key)
end
if callback ~= '' then
  call('HSET', BATCH .. id, 'callback', callback)
  call('ZADD', BATCH_CALLBACKS, '+inf', id)
end
call('ZREM', TRASH, id)
flush()
return {now, 'accepted', id}
