-- Compare-and-append: a batch of one partition, if and only if its stream still ends where the batch continues from.
-- KEYS: stream, learnt, stream of dead letters, position below which no brake counts, number of records that no brake
--       counts, outcomes of the brake by topic, its blame of the topic, dead letters by topic and reason
-- ARGV: expected last id, position that the batch was read from, topic, outcomes of the batch (one character for each
--       entry: '.' a sample, 'x' a dead letter, 't' one that no brake counts), outcomes kept, seconds they are kept,
--       then reason and source of each dead letter, then for each entry: id, number of items, field, value...
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

local function above(a, b)
  return #a > #b or (#a == #b and a > b)
end

local last = last_id(KEYS[1])
if last ~= ARGV[1] then
  return last
end

-- The learner may have set its position back and deleted the stream since this batch was read.
local learnt = last == '0-0' and redis.call('GET', KEYS[2])
if learnt and above(ARGV[2], learnt) then
  return ''
end

local topic, outcomes, kept_max, kept_s = ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6]
local _, dead = string.gsub(outcomes, '[xt]', '')

-- The first write is this XADD: at maxmemory Redis refuses a script's first write, and none after it.
local at, ids = 7 + 2 * dead, {}
while at <= #ARGV do
  local items = tonumber(ARGV[at + 1])
  ARGV[at + 7] = now_ms
  local added = redis.pcall('XADD', KEYS[1], ARGV[at], unpack(ARGV, at + 2, at + 1 + items))
  if type(added) == 'table' and added.err then
    return added
  end
  ids[#ids + 1] = ARGV[at]
  at = at + 2 + items
end

if dead > 0 then
  local letter = 0
  for i = 1, #outcomes do
    if string.sub(outcomes, i, i) ~= '.' then
      local reason = ARGV[7 + 2 * letter]
      -- Refused where 0.1 has deleted or reset the stream beside it: what is left of it then counts nothing.
      local marked = redis.pcall('XADD', KEYS[3], ids[i], 'reason', reason)
      if type(marked) == 'table' and marked.err then
        redis.call('DEL', KEYS[3])
        redis.call('XADD', KEYS[3], ids[i], 'reason', reason)
      end
      redis.call('HINCRBY', KEYS[8], topic .. '/' .. reason, 1)
      letter = letter + 1
    end
  end
end

-- What no brake counts is blotted out: what an operator let go, by position or by number.
local counted = string.gsub(outcomes, 't', '-')
local let_go = redis.call('GET', KEYS[4])
if let_go then
  local n = 0
  while n < #ids and not above(string.match(ids[n + 1], '^%d+'), let_go) do
    n = n + 1
  end
  counted = string.rep('-', n) .. string.sub(counted, n + 1)
end
local spared = tonumber(redis.call('GET', KEYS[5]) or '0')
if spared > 0 then
  local more, blotted = string.gsub(counted, '[.x]', '-', spared)
  counted = more
  redis.call('DECRBY', KEYS[5], blotted)
end

local blames, letter = {}, 0
for i = 1, dead > 0 and #outcomes or 0 do
  if string.sub(outcomes, i, i) ~= '.' then
    if string.sub(counted, i, i) == 'x' then
      blames[#blames + 1] = ARGV[7 + 2 * letter] .. '/' .. ARGV[8 + 2 * letter]
    end
    letter = letter + 1
  end
end
if #blames > 0 then
  redis.call('RPUSH', KEYS[7], unpack(blames))
  redis.call('LTRIM', KEYS[7], -kept_max, -1)
  redis.call('EXPIRE', KEYS[7], kept_s)
end
counted = string.gsub(counted, '-', '')
if counted ~= '' then
  local newest = (redis.call('HGET', KEYS[6], topic) or '') .. counted
  redis.call('HSET', KEYS[6], topic, string.sub(newest, -kept_max))
  redis.call('EXPIRE', KEYS[6], kept_s)
end
return last
