-- Clients for wrk, each with a connection and a thread of its own: submit a job, then either submit the next at once
-- or see this one scored first. Prints what bench/load/wrk.py reads.
--
--   wrk -t CLIENTS -c CLIENTS -s load.lua URL -- BODIES SUBMIT POLL ID DONE PAUSE_MS FOLLOW [HEADER VALUE]...
--
-- BODIES is a file with one body a line, sent in turn; SUBMIT a path; POLL a path that ends where a job's id goes;
-- ID a Lua pattern that finds the id in the answer to a submit; DONE a text that stands in an answer only once the job
-- is scored; PAUSE_MS what a client waits before each poll; FOLLOW is yes to see each job scored.

local ffi = require("ffi")
ffi.cdef("typedef struct { long s; long ns; } bench_time; int clock_gettime(int, bench_time *);")
local clock = ffi.new("bench_time")

local threads = {}

local function now_us()
  ffi.C.clock_gettime(1, clock)
  return tonumber(clock.s) * 1e6 + tonumber(clock.ns) / 1e3
end

function setup(thread)
  thread:set("number", #threads)
  table.insert(threads, thread)
end

function init(args)
  submitted, scored, refused, last, last_us, latencies = 0, 0, 0, "", 0, {}
  poll, id_pattern, done_text, pause_ms, follow = args[3], args[4], args[5], tonumber(args[6]), args[7] == "yes"
  local headers = {["Content-Type"] = "application/json"}
  for i = 8, #args, 2 do headers[args[i]] = args[i + 1] end
  requests = {}
  for body in io.lines(args[1]) do
    table.insert(requests, wrk.format("POST", args[2], headers, body))
  end
  turn = number * 7  -- so that clients do not all send the same patient at once
end

function request()
  if waiting_for then return wrk.format("GET", poll .. waiting_for) end
  turn, began_us = turn + 1, now_us()
  return requests[turn % #requests + 1]
end

function delay()
  return waiting_for and pause_ms or 0
end

function response(status, _, body)
  if status >= 400 then
    refused, waiting_for = refused + 1, nil
    return
  end
  if not waiting_for then
    submitted = submitted + 1
    last, last_us = string.match(body, id_pattern) or "", began_us
    if not follow then return end
  end
  if string.find(body, done_text, 1, true) then
    scored, waiting_for = scored + 1, nil
    latencies[scored] = now_us() - began_us
  else
    waiting_for = last
  end
end

function done(summary)
  local totals, all = {submitted = 0, scored = 0, refused = 0}, {}
  for _, thread in ipairs(threads) do
    for name, total in pairs(totals) do totals[name] = total + thread:get(name) end
    for _, latency in ipairs(thread:get("latencies")) do table.insert(all, latency) end
    print(string.format("bench job %.0f %s", thread:get("last_us"), thread:get("last")))
  end
  table.sort(all)
  for name, total in pairs(totals) do print("bench " .. name .. " " .. total) end
  for _, percent in ipairs({50, 99}) do
    print("bench p" .. percent .. "_us " .. (all[math.ceil(#all * percent / 100)] or 0))
  end
  local errors = summary.errors
  print("bench broken " .. errors.connect + errors.read + errors.write + errors.timeout)
  print("bench duration_us " .. summary.duration)
end
