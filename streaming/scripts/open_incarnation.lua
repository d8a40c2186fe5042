-- Make an incarnation the current one, unless a later one is.
-- KEYS: incarnation
-- ARGV: incarnation
-- Returns the current incarnation.
local current = tonumber(redis.call('GET', KEYS[1]) or '0')
if tonumber(ARGV[1]) <= current then
  return current
end
local set = redis.pcall('SET', KEYS[1], ARGV[1])
if type(set) == 'table' and set.err then
  return set
end
return tonumber(ARGV[1])
