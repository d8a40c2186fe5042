-- The memory that a stream takes, as Redis estimates it, and what is needed to correct that.
-- KEYS: stream
-- ARGV: number of blocks looked at
-- Returns bytes, nodes of its radix tree, number of entries.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return { 0, 0, 0 }
end
local nodes = 0
local info = redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #info, 2 do
  if info[i] == 'radix-tree-nodes' then
    nodes = info[i + 1]
  end
end
return { redis.call('MEMORY', 'USAGE', KEYS[1], 'SAMPLES', ARGV[1]), nodes, redis.call('XLEN', KEYS[1]) }
