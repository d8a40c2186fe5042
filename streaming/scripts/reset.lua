-- Delete streams and leave positions, all or nothing.
-- KEYS: stream, learnt; stream, learnt...
-- ARGV: position of each log
-- Deleting comes first: it works at maxmemory, and a script that has written is not refused any more.
for i = 1, #KEYS, 2 do
  redis.call('DEL', KEYS[i])
end
for i = 1, #ARGV do
  redis.call('SET', KEYS[2 * i], ARGV[i])
end
return 1
