-- Write what is known of a log into the registry, at the time of the clock here.
-- KEYS: registry of logs
-- ARGV: the log's field, its end, the time of day of the host that registers it in ms
redis.replicate_commands()
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local known = string.format('{"end": %s, "at": %.0f, "ahead": %.0f}', ARGV[2], now_ms, ARGV[3] - now_ms)
local set = redis.pcall('HSET', KEYS[1], ARGV[1], known)
if type(set) == 'table' and set.err then
  return set
end
return 1
