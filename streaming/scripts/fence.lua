-- Before each write of the learner: is it still the owner? Set before every script whose first line is "-- fenced".
-- KEYS[1]: owner; ARGV[1]: the caller as it claimed the buffer, or '' where it never did.
local owner = redis.call('GET', KEYS[1])
if ARGV[1] ~= '' and owner and owner ~= ARGV[1] then
  return redis.error_reply('TAKEN by ' .. owner)
end
-- At maxmemory Redis refuses a script's first write if it may need memory, and none after it. This one changes nothing:
-- what the learner writes is a few bytes for each log, and lets memory be freed.
redis.call('PERSIST', KEYS[1])
-- Whoever claimed it comes first after a loss of Redis, and owns it again.
if ARGV[1] ~= '' and not owner then
  redis.call('SET', KEYS[1], ARGV[1])
end
