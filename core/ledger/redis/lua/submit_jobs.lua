-- Writes new jobs down, and says of each whether it was accepted and by which id.
--
-- KEYS: none
-- ARGV:  1 now: ms since 1970; empty for the clock of Redis
--        2 limit: records that may be open in all
--        3 idem_ttl: ms for which an idempotency key is kept
--        4 ttl: ms for which a result is kept
--       of each job, 13 from 5 on:
--        + 0 id
--        + 1 rows: JSON of its records
--        + 2 n: how many records
--        + 3 after: ms from now when it expires; empty for never
--        + 4 explain: 0 or 1; then, if a version of the model is asked for, a space and the version
--        + 5 key: hash of its idempotency key; empty for none
--        + 6 fingerprint: hash of its request, which a repeat must have too
--        + 7 callback: URL to call when it ends; empty for none
--        + 8 trace: `traceparent` of its request; empty for none
--        + 9 owner: prefix of the API key; empty for none
--        +10 daily: records that its owner may send a day; empty for no limit
--        +11 priority: 0 to 7, the most urgent first
--        +12 waiter: gateway process that waits for it; empty for none
-- Returns now, the length of the queue, whether a worker long polls (0 or 1), then a status and an id for each job. The
-- id is that of an earlier job where the status is `replayed`.
--
-- Invariant: a job is written whole, counted once, and is on its way; a job that exists is left as it is, so that a
-- call whose answer was lost can be made again. A worker that long polls is told of new jobs. Records count for
-- their owner's day if and only if they are written down.

local now, limit, idem_ttl, ttl = read_clock(ARGV[1]), num(ARGV[2]), num(ARGV[3]), num(ARGV[4])
local before = num(call('GET', BACKLOG) or 0)
local long_polled = is_long_polled(now)
local fresh, noted, answer = {}, {}, {now, call('LLEN', QUEUE), long_polled and 1 or 0}
for i = 5, #ARGV, 13 do
  local id, rows, n, after, explain, key, fingerprint, callback, trace, owner, daily, priority, waiter =
    unpack(ARGV, i, i + 12)
  local free = limit - before - backlog
  local status, known = 'accepted', call('EXISTS', JOB .. id) == 1
  local held = key ~= '' and call('GET', IDEMPOTENCY .. key)
  if held and not known then
    local first = string.sub(held, #fingerprint + 2)
    if string.sub(held, 1, #fingerprint) ~= fingerprint then status = 'mismatch'
    elseif fresh[key] then status = 'busy'
    else
      status, id = 'replayed', first
      add_audit_event(owner, 'read', 'job', id)
    end
  elseif not known and num(n) > free and waiting_owner(id) ~= PROBES then
    status = 'full'
  elseif not known and not has_share(owner, n, free, limit) then
    status = 'share'
  elseif not known and not has_room(owner, ttl, now) then
    status = 'results'
  elseif not known and not spend_quota(owner, n, daily, now) then
    status = 'rows'
  elseif not known then
    write_job(id, rows, n, now, explain, owner, priority)
    if owner ~= '' then
      noted[owner] = noted[owner] or {}
      table.insert(noted[owner], id)
    end
    if after ~= '' then
      call('HSET', JOB .. id, 'deadline', now + after)
      gather('ZADD', DEADLINES, now + after, id)
    end
    if trace ~= '' then call('HSET', JOB .. id, 'trace', trace) end
    if waiter ~= '' then call('HSET', JOB .. id, 'waiter', waiter) end
    if callback ~= '' then
      call('HSET', JOB .. id, 'callback', callback)
      gather('ZADD', CALLBACKS, '+inf', id)
    end
    if key ~= '' then
      fresh[key] = true
      call('SET', IDEMPOTENCY .. key, fingerprint .. ' ' .. id, 'PX', idem_ttl)
      call('HSET', JOB .. id, 'idem', key)
    end
  end
  answer[#answer + 1] = status
  answer[#answer + 1] = id
end
if long_polled and backlog > 0 and call('EXISTS', NEW_JOBS) == 0 then call('RPUSH', NEW_JOBS, 1) end
for owner, ids in pairs(noted) do add_audit_event(owner, 'submit', 'job', table.concat(ids, ' ')) end
flush()
return answer
