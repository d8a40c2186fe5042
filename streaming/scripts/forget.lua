-- Delete what is kept of a dead log, if and only if its stream is empty.
-- KEYS: stream, learnt, registry of logs
-- ARGV: the log's field in the registry
-- Returns 1, or 0 where the stream still holds entries.
if redis.call('XLEN', KEYS[1]) > 0 then
  return 0
end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('HDEL', KEYS[3], ARGV[1])
return 1
