-- fenced
-- Leave the learner's durable position, and the log's incarnation where it is not known any more.
-- KEYS: owner, learnt, incarnation
-- ARGV: caller, position, incarnation
redis.call('SET', KEYS[2], ARGV[2])
if tonumber(ARGV[3]) > tonumber(redis.call('GET', KEYS[3]) or '0') then
  redis.call('SET', KEYS[3], ARGV[3])
end
return 1
