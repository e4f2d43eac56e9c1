-- Erases the records of a job in the dead-letter queue.
--
-- KEYS: none
-- ARGV: 1 id
-- Returns 1, or 0 if the dead-letter queue does not hold the job.
--
-- Invariant: afterwards the job's records are nowhere, and its end state is what it was.

if call('ZREM', DEAD_LETTERS, ARGV[1]) == 0 or call('EXISTS', JOB .. ARGV[1]) == 0 then return 0 end
return call('HSET', JOB .. ARGV[1], 'rows', '') + 1
