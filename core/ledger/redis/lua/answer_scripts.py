"""The script that reads what is answered about jobs; it begins with `prelude`."""

from core.ledger.answer import READY_SCORES
from core.ledger.redis.record import FIELDS

# Invariant: nothing is written. Of a job with many scores only their size is read, so that no reply is large.
LOOK = f"""
local answer = {{}}
for i = 1, #ARGV do
  local job = JOB .. ARGV[i]
  local found = call('HMGET', job, {", ".join(f"'{name.decode()}'" for name in FIELDS)}, 'model')
  local rows, bytes = false, 0
  if found[2] == 'succeeded' then
    if num(found[3]) <= {READY_SCORES} then rows = call('HGET', job, 'scores')
    else bytes = call('HSTRLEN', job, 'scores') end
  end
  found[#found + 1] = rows
  found[#found + 1] = bytes
  answer[i] = found
end
return answer
"""
