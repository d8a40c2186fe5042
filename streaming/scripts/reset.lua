-- fenced
-- Delete streams and leave positions, all or nothing.
-- KEYS: owner, then for each log: stream, learnt, stream of dead letters
-- ARGV: caller, then the position of each log
for i = 2, #KEYS, 3 do
  redis.call('DEL', KEYS[i], KEYS[i + 2])
end
for i = 2, #ARGV do
  redis.call('SET', KEYS[3 * i - 3], ARGV[i])
end
return 1
