-- From 0.1.0 to 0.2.0.

-- Old versions are let go: their rows stay, their files do not.
ALTER TABLE versions ADD COLUMN retired_at INTEGER;
CREATE INDEX versions_kept ON versions (version) WHERE retired_at IS NULL;
