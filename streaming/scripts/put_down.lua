-- Take away the note of what is in hand, if it is the caller's own.
-- KEYS: what is in hand
-- ARGV: the caller's life
-- Returns 1, or 0 where nothing was taken away.
local note = redis.call('GET', KEYS[1])
if note and string.sub(note, 1, #ARGV[1] + 1) == ARGV[1] .. ' ' then
  return redis.call('DEL', KEYS[1])
end
return 0
