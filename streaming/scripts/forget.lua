-- fenced
-- Delete what is kept of a dead log, if and only if its stream is empty.
-- KEYS: owner, stream, learnt, registry of logs, stream of dead letters, what is in hand
-- ARGV: caller, the log's field in the registry
-- Returns 1, or 0 where the stream still holds entries.
if redis.call('XLEN', KEYS[2]) > 0 then
  return 0
end
redis.call('DEL', KEYS[2], KEYS[3], KEYS[5], KEYS[6])
redis.call('HDEL', KEYS[4], ARGV[2])
return 1
