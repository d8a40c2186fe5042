-- Forget what a brake counted of a topic, and let records go, all or nothing.
-- KEYS: outcomes of the brake by topic, its blame of the topic, its outcomes as 0.1 kept them, number of records that no
--       brake counts, then for each log the position below which none does
-- ARGV: topic, number of records, seconds that both are kept, then each position
-- The first write frees memory: at maxmemory Redis refuses a script's first write if it may need some, and none after it.
redis.call('DEL', KEYS[3])
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[2])
redis.call('DEL', KEYS[4])
if tonumber(ARGV[2]) > 0 then
  redis.call('SET', KEYS[4], ARGV[2], 'EX', ARGV[3])
end
for i = 4, #ARGV do
  redis.call('SET', KEYS[i + 1], ARGV[i], 'EX', ARGV[3])
end
return 1
