-- Whether scripts run here, over keys of two hash tags. Changes nothing.
-- KEYS: two keys of different hash tags
-- Returns how many of them exist.
return redis.call('EXISTS', KEYS[1]) + redis.call('EXISTS', KEYS[2])
