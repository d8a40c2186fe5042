-- fenced
-- Drop what is learnt.
-- KEYS: owner, stream, stream of its dead letters
-- ARGV: caller, the first id that stays
redis.call('XTRIM', KEYS[3], 'MINID', '=', ARGV[2])
return redis.call('XTRIM', KEYS[2], 'MINID', '=', ARGV[2])
