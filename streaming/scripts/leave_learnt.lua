-- Leave the learner's durable position, and the log's incarnation where it is not known any more.
-- KEYS: learnt, incarnation
-- ARGV: position, incarnation
local set = redis.pcall('SET', KEYS[1], ARGV[1])
if type(set) == 'table' and set.err then
  return set
end
if tonumber(ARGV[2]) > tonumber(redis.call('GET', KEYS[2]) or '0') then
  redis.call('SET', KEYS[2], ARGV[2])
end
return 1
