-- Write the job's learner where none stands, or where another may be replaced.
-- KEYS: owner
-- ARGV: state id, '1' to replace another
-- Returns the owner that stands.
local current = redis.call('GET', KEYS[1])
if current == ARGV[1] or (current and ARGV[2] ~= '1') then
  return current
end
local set = redis.pcall('SET', KEYS[1], ARGV[1])
if set.err then
  return set
end
return ARGV[1]
