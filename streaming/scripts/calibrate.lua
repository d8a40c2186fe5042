-- What this server's estimate of a stream (MEMORY USAGE) is worth: some of its entries are copied, what the server's
-- memory grows by is held against the estimate for the copy, and the copy is deleted. Nothing else runs meanwhile, and
-- nothing of it goes to a replica or into the append-only file.
-- KEYS: stream, scratch
-- ARGV: number of entries copied, half of them the oldest, half the newest
-- Returns bytes that the copy took, bytes by the estimate; 0 and 0 where it could not be tried.
local function used_memory()
  local info = redis.pcall('INFO', 'memory')
  return type(info) == 'string' and tonumber(string.match(info, 'used_memory:(%d+)'))
end

local function chosen()
  local wanted = tonumber(ARGV[1])
  if redis.call('XLEN', KEYS[1]) <= wanted then
    return redis.call('XRANGE', KEYS[1], '-', '+')
  end
  local entries = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', math.floor(wanted / 2))
  local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', math.ceil(wanted / 2))
  for i = #newest, 1, -1 do
    entries[#entries + 1] = newest[i]
  end
  return entries
end

local unsent = pcall(function()
  redis.replicate_commands()
  redis.set_repl(redis.REPL_NONE)
end)
local entries = unsent and chosen() or {}
-- As the first write it is one that frees memory, so that the copy is allowed at maxmemory as well: it is gone again
-- before any other command runs.
local cleared = redis.pcall('DEL', KEYS[2])
if #entries == 0 or type(cleared) == 'table' then
  return { 0, 0 }
end
local before = used_memory()
local copied = before ~= nil
for i = 1, #entries do
  local added = copied and redis.pcall('XADD', KEYS[2], entries[i][1], unpack(entries[i][2]))
  copied = type(added) == 'string'
end
local after = copied and used_memory()
local estimate = copied and redis.pcall('MEMORY', 'USAGE', KEYS[2], 'SAMPLES', 0)
-- Valkey would free what is deleted in a thread, which would be in the way of who measures next.
redis.pcall('XTRIM', KEYS[2], 'MAXLEN', 0)
redis.call('DEL', KEYS[2])
if not after or type(estimate) ~= 'number' then
  return { 0, 0 }
end
return { after - before, estimate }
