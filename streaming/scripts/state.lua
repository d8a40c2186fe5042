-- What a log's stream holds, without its pixels.
-- KEYS: stream
-- ARGV: field of an entry that is returned for the oldest one
-- Returns last id, number of entries, that field of the oldest entry or nil.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return { '0-0', 0 }
end
local last
local info = redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #info, 2 do
  if info[i] == 'last-generated-id' then
    last = info[i + 1]
  end
end
local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
if oldest then
  local fields = oldest[2]
  for i = 1, #fields, 2 do
    if fields[i] == ARGV[1] then
      return { last, redis.call('XLEN', KEYS[1]), fields[i + 1] }
    end
  end
end
return { last, redis.call('XLEN', KEYS[1]) }
