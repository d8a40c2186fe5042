-- The memory that a stream takes, as Redis estimates it.
-- KEYS: stream
-- ARGV: number of blocks looked at
-- Returns bytes, number of entries.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return { 0, 0 }
end
return { redis.call('MEMORY', 'USAGE', KEYS[1], 'SAMPLES', ARGV[1]), redis.call('XLEN', KEYS[1]) }
