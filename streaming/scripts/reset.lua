-- fenced
-- Delete streams and leave positions, all or nothing.
-- KEYS: owner, then for each log: stream, learnt
-- ARGV: caller, then the position of each log
for i = 2, #KEYS, 2 do
  redis.call('DEL', KEYS[i])
end
for i = 2, #ARGV do
  redis.call('SET', KEYS[2 * i - 1], ARGV[i])
end
return 1
