-- From 0.1.0 to 0.2.0.

-- Old versions are let go: their rows stay, their files do not.
ALTER TABLE versions ADD COLUMN retired_at INTEGER;
CREATE INDEX versions_kept ON versions (version) WHERE retired_at IS NULL;

-- What became of labels: a class joined with a round (`joined`), or a person had one `merged` into another, `retired` or
-- `admitted`. Names, not numbers: a label of which nothing is stored is forgotten.
CREATE TABLE class_events (
    event INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('joined', 'merged', 'retired', 'admitted')),
    name TEXT NOT NULL,
    target TEXT, -- the class that it is merged into
    round INTEGER NOT NULL, -- the round it joined with, else the last committed one then
    move INTEGER NOT NULL, -- the last move of the champion pointer then; 0: none
    pictures INTEGER NOT NULL CHECK (pictures >= 0),
    windows INTEGER NOT NULL CHECK (windows >= 0),
    sources TEXT NOT NULL, -- {producer: pictures}, those with the most
    happened_at INTEGER NOT NULL,
    undone INTEGER NOT NULL DEFAULT 0 CHECK (undone IN (0, 1)), -- 1: a rollback went to before it
    CHECK ((target IS NULL) = (kind <> 'merged'))
) STRICT;
CREATE INDEX class_events_asked ON class_events (event) WHERE kind <> 'joined';
CREATE INDEX class_events_round ON class_events (round);

-- Samples that an event gave another label or role, as they were before: what a rollback to before it gives back.
CREATE TABLE class_moves (
    event INTEGER NOT NULL REFERENCES class_events,
    sample INTEGER NOT NULL REFERENCES samples ON DELETE CASCADE,
    name TEXT NOT NULL, -- the label that it had, or was sent with
    role TEXT NOT NULL CHECK (role IN ('train', 'holdout', 'suspect', 'quarantined', 'waiting')),
    PRIMARY KEY (event, sample)
) STRICT, WITHOUT ROWID;
CREATE INDEX class_moves_sample ON class_moves (sample);

-- What training raised, to tell a fault of ours from a window's.
CREATE TABLE raised (
    round INTEGER PRIMARY KEY REFERENCES rounds,
    parcel INTEGER NOT NULL,
    signature TEXT NOT NULL,
    said TEXT NOT NULL,
    faultless INTEGER NOT NULL DEFAULT 0 CHECK (faultless IN (0, 1))
) STRICT;

-- Relabels are kept, with who sent them, and counted in the lineage.
CREATE TABLE spans_new (
    round INTEGER NOT NULL REFERENCES rounds,
    log INTEGER NOT NULL REFERENCES logs,
    start INTEGER NOT NULL CHECK (start >= 0),
    stop INTEGER NOT NULL CHECK (stop > start),
    trained INTEGER NOT NULL CHECK (trained >= 0),
    holdout INTEGER NOT NULL CHECK (holdout >= 0),
    dead_lettered INTEGER NOT NULL CHECK (dead_lettered >= 0),
    expired INTEGER NOT NULL CHECK (expired >= 0),
    duplicate INTEGER NOT NULL CHECK (duplicate >= 0),
    waiting INTEGER NOT NULL CHECK (waiting >= 0),
    suspect INTEGER NOT NULL CHECK (suspect >= 0),
    relabelled INTEGER NOT NULL CHECK (relabelled BETWEEN 0 AND duplicate),
    PRIMARY KEY (round, log),
    UNIQUE (log, start),
    CHECK (trained + holdout + dead_lettered + expired + duplicate + waiting + suspect <= stop - start)
) STRICT, WITHOUT ROWID;
INSERT INTO spans_new SELECT *, 0 FROM spans;
DROP TABLE spans;
ALTER TABLE spans_new RENAME TO spans;

CREATE TABLE relabels_new (
    relabel INTEGER PRIMARY KEY,
    round INTEGER NOT NULL REFERENCES rounds,
    sample INTEGER NOT NULL REFERENCES samples ON DELETE CASCADE,
    old TEXT NOT NULL,
    new TEXT NOT NULL,
    log INTEGER REFERENCES logs,
    offset INTEGER CHECK (offset >= 0),
    sample_id TEXT NOT NULL,
    source TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'suspect', 'held', 'applied', 'undone', 'dropped', 'overruled')),
    outcome TEXT,
    applied INTEGER,
    accepted INTEGER,
    entered INTEGER NOT NULL DEFAULT 0 CHECK (entered IN (0, 1)),
    by_hand INTEGER NOT NULL DEFAULT 0 CHECK (by_hand IN (0, 1)),
    CHECK ((state = 'pending') = (outcome IS NULL)),
    CHECK ((state IN ('applied', 'undone')) = (applied IS NOT NULL))
) STRICT;
INSERT INTO relabels_new (round, sample, old, new, sample_id, source, state)
    SELECT rounds.round, relabels.sample, labels.name, relabels.label, '', '', 'pending'
    FROM relabels JOIN samples USING (sample) JOIN labels ON labels.label = samples.label
    JOIN rounds ON rounds.outcome IS NULL
    ORDER BY relabels.sample;
DROP TABLE relabels;
ALTER TABLE relabels_new RENAME TO relabels;
CREATE INDEX relabels_samples ON relabels (sample);
CREATE INDEX relabels_states ON relabels (state, round);
CREATE INDEX relabels_applied ON relabels (applied) WHERE applied IS NOT NULL;

-- How the rounds ended is counted at every start.
CREATE INDEX rounds_outcomes ON rounds (outcome, fate, round);
CREATE INDEX rounds_failed ON rounds (attempt) WHERE attempt > 0;
