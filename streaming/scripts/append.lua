-- Compare-and-append: a batch of one partition, if and only if its stream still ends where the batch continues from.
-- KEYS: stream, outcomes of the brake, learnt
-- ARGV: expected last id, position that the batch was read from, outcomes of the batch, outcomes kept, seconds they are
--       kept, then for each entry: id, number of items, field, value, field, value...
-- Returns the stream's last id before the call, which differs from the expected one when nothing was written; '' when
-- nothing was written for the new stream would begin above what is learnt.
-- Ids are compared as text: a Lua number holds 53 bits, an offset 63.
-- When an entry was buffered (its third field, `at`) is told by the clock here: the hosts that read it have others.
redis.replicate_commands()
local time = redis.call('TIME')
local now_ms = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))

local function last_id(stream)
  if redis.call('EXISTS', stream) == 0 then
    return '0-0'
  end
  local info = redis.call('XINFO', 'STREAM', stream)
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then
      return info[i + 1]
    end
  end
end

local last = last_id(KEYS[1])
if last ~= ARGV[1] then
  return last
end

-- The learner may have set its position back and deleted the stream since this batch was read.
local learnt = last == '0-0' and redis.call('GET', KEYS[3])
if learnt and (#ARGV[2] > #learnt or (#ARGV[2] == #learnt and ARGV[2] > learnt)) then
  return ''
end

-- The first write is this XADD: at maxmemory Redis refuses a script's first write, and none after it.
local at = 6
while at <= #ARGV do
  local items = tonumber(ARGV[at + 1])
  ARGV[at + 7] = now_ms
  local added = redis.pcall('XADD', KEYS[1], ARGV[at], unpack(ARGV, at + 2, at + 1 + items))
  if type(added) == 'table' and added.err then
    return added
  end
  at = at + 2 + items
end

local outcomes = (redis.call('GET', KEYS[2]) or '') .. ARGV[3]
redis.call('SET', KEYS[2], string.sub(outcomes, -tonumber(ARGV[4])), 'EX', ARGV[5])
return last
