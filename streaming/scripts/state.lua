-- What a log's stream holds, without its pixels.
-- KEYS: stream, stream of its dead letters
-- ARGV: field of an entry that is returned for the oldest one
-- Returns the time of the clock here in ms, last id, number of entries, how many of them are dead letters, that field of
-- the oldest entry or nil.
local time = redis.call('TIME')
local now_ms = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
if redis.call('EXISTS', KEYS[1]) == 0 then
  return { now_ms, '0-0', 0, 0 }
end
local last
local info = redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #info, 2 do
  if info[i] == 'last-generated-id' then
    last = info[i + 1]
  end
end
local length = redis.call('XLEN', KEYS[1])
local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
if not oldest then
  return { now_ms, last, 0, 0 }
end
-- A learner of 0.1 trims the stream alone.
local dead = redis.call('XLEN', KEYS[2])
if dead > 0 then
  dead = dead - #redis.call('XRANGE', KEYS[2], '-', '(' .. oldest[1])
end
local fields = oldest[2]
for i = 1, #fields, 2 do
  if fields[i] == ARGV[1] then
    return { now_ms, last, length, dead, fields[i + 1] }
  end
end
return { now_ms, last, length, dead }
