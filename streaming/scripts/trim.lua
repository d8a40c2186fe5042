-- fenced
-- Drop what is learnt.
-- KEYS: owner, stream
-- ARGV: caller, the first id that stays
return redis.call('XTRIM', KEYS[2], 'MINID', '=', ARGV[2])
