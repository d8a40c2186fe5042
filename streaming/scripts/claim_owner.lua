-- Write the job's learner where none stands, where it is an earlier life of the same state, or where it is replaced.
-- KEYS: owner
-- ARGV: state id, its life, '1' to replace another state
-- Returns the owner that stands: state id and life, joined by a colon.
local current = redis.call('GET', KEYS[1])
if current and string.match(current, '^[^:]*') ~= ARGV[1] and ARGV[3] ~= '1' then
  return current
end
-- Changes nothing, and lets the next write pass at maxmemory (see fence.lua).
redis.call('PERSIST', KEYS[1])
local claimed = ARGV[1] .. ':' .. ARGV[2]
redis.call('SET', KEYS[1], claimed)
return claimed
