-- The learner's memory. `PRAGMA user_version` names the version; migrations/ leads here from older ones.
-- Rows are written in two transactions per round: its claim, and its commit.

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE logs (
    log INTEGER PRIMARY KEY,
    topic TEXT NOT NULL,
    topic_id TEXT NOT NULL,
    partition INTEGER NOT NULL CHECK (partition >= 0),
    incarnation INTEGER NOT NULL CHECK (incarnation >= 0),
    position INTEGER CHECK (position >= 0), -- null until its first window is committed
    UNIQUE (topic, topic_id, partition, incarnation)
) STRICT;

CREATE TABLE labels (
    label INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    class INTEGER UNIQUE CHECK (class >= 0), -- index in the model's head; null while it waits
    joined_round INTEGER,
    CHECK ((class IS NULL) = (joined_round IS NULL))
) STRICT;

-- A round is open from claim to commit: `outcome` is null. There is at most one such.
CREATE TABLE rounds (
    round INTEGER PRIMARY KEY CHECK (round > 0),
    seed INTEGER NOT NULL,
    state TEXT, -- digest of the weights it starts from
    segment INTEGER, -- what its claim wrote; the row may be gone since
    high_water INTEGER NOT NULL CHECK (high_water >= 0),
    last_sample INTEGER NOT NULL CHECK (last_sample >= high_water),
    classes INTEGER NOT NULL CHECK (classes >= 0),
    holdout_share REAL NOT NULL CHECK (holdout_share BETWEEN 0 AND 1),
    parent INTEGER REFERENCES versions,
    retried INTEGER, -- the parcel that it retries; it has no spans then
    attempt INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    deaths INTEGER NOT NULL DEFAULT 0 CHECK (deaths >= 0),
    claimed_at INTEGER NOT NULL,
    outcome TEXT CHECK (outcome IN ('published', 'held', 'refused')),
    fate TEXT CHECK (fate IN ('accepted', 'suspect', 'quarantined')),
    verdict TEXT,
    reason TEXT,
    result TEXT, -- digest of the weights that the next round starts from
    prequential_accuracy REAL,
    evaluation TEXT,
    screened TEXT, -- the champion on the window, by class: {class: [samples, right]}
    undone INTEGER NOT NULL DEFAULT 0 CHECK (undone IN (0, 1)), -- 1: a rollback cut it off from the champion's past
    change INTEGER NOT NULL DEFAULT 0 CHECK (change IN (0, 1)), -- 1: it accepted a change of what labels mean
    seconds REAL,
    committed_at INTEGER,
    CHECK ((outcome IS NULL) = (committed_at IS NULL)),
    CHECK ((outcome IS NULL) = (fate IS NULL)),
    CHECK (outcome IS NULL OR outcome <> 'published' OR fate = 'accepted')
) STRICT;
CREATE INDEX rounds_outcomes ON rounds (outcome, fate, round);
CREATE INDEX rounds_failed ON rounds (attempt) WHERE attempt > 0;
CREATE INDEX rounds_undone ON rounds (round) WHERE undone = 1;
CREATE INDEX rounds_changes ON rounds (round) WHERE change = 1;
CREATE UNIQUE INDEX rounds_open ON rounds ((1)) WHERE outcome IS NULL;

CREATE TABLE spans (
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
    relabelled INTEGER NOT NULL CHECK (relabelled BETWEEN 0 AND duplicate), -- of the duplicates, those under another label
    PRIMARY KEY (round, log),
    UNIQUE (log, start), -- a range is taken once
    CHECK (trained + holdout + dead_lettered + expired + duplicate + waiting + suspect <= stop - start)
) STRICT, WITHOUT ROWID;

CREATE TABLE segments (
    segment INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE, -- the file's name: hex sha256 of its bytes
    row_count INTEGER NOT NULL CHECK (row_count > 0),
    live INTEGER NOT NULL CHECK (live BETWEEN 0 AND row_count)
) STRICT;
CREATE INDEX segments_emptiest ON segments (live * 1.0 / row_count);

-- Keys grow in the order of claims and are never used twice. A picture has one row, so one role.
CREATE TABLE samples (
    sample INTEGER PRIMARY KEY CHECK (sample > 0),
    round INTEGER NOT NULL,
    log INTEGER NOT NULL REFERENCES logs,
    offset INTEGER NOT NULL CHECK (offset >= 0),
    sample_id TEXT NOT NULL,
    label INTEGER NOT NULL REFERENCES labels,
    source TEXT NOT NULL,
    event_time_ms INTEGER NOT NULL,
    digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 16),
    role TEXT NOT NULL CHECK (role IN ('train', 'holdout', 'suspect', 'quarantined', 'waiting')),
    slot INTEGER CHECK (slot >= 0), -- dense per label and role, for accepted samples; null otherwise
    accepted INTEGER, -- the round that accepted it under its label; null until one has
    segment INTEGER NOT NULL REFERENCES segments,
    position INTEGER NOT NULL CHECK (position >= 0), -- row within the segment
    UNIQUE (log, offset),
    UNIQUE (segment, position),
    CHECK (slot IS NULL OR role IN ('train', 'holdout')),
    CHECK (slot IS NULL OR accepted IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX samples_slots ON samples (label, role, slot);
CREATE INDEX samples_held ON samples (sample) WHERE role = 'holdout' AND slot IS NOT NULL;
CREATE INDEX samples_aside ON samples (sample, role) WHERE slot IS NULL;
CREATE INDEX samples_accepted ON samples (accepted) WHERE accepted IS NOT NULL;

-- How many committed samples a label has in each role (so: slots 0 to count-1), and how many were evicted from it.
CREATE TABLE tallies (
    label INTEGER NOT NULL REFERENCES labels,
    role TEXT NOT NULL CHECK (role IN ('train', 'holdout', 'suspect', 'quarantined', 'waiting')),
    count INTEGER NOT NULL CHECK (count >= 0),
    evicted INTEGER NOT NULL CHECK (evicted >= 0),
    PRIMARY KEY (label, role)
) STRICT, WITHOUT ROWID;

-- Stored pictures that came again under another label: who sent it, and what became of that. Gone with the sample.
CREATE TABLE relabels (
    relabel INTEGER PRIMARY KEY,
    round INTEGER NOT NULL REFERENCES rounds, -- that took it in
    sample INTEGER NOT NULL REFERENCES samples ON DELETE CASCADE,
    old TEXT NOT NULL,
    new TEXT NOT NULL,
    log INTEGER REFERENCES logs, -- log, offset and id of the record; null and empty: 0.1.0 did not note them
    offset INTEGER CHECK (offset >= 0),
    sample_id TEXT NOT NULL,
    source TEXT NOT NULL,
    -- pending: of the open claim; suspect: retried with its window; held: a person decides; overruled: a new picture
    -- came under two labels in one window, and the last one counts.
    state TEXT NOT NULL CHECK (state IN ('pending', 'suspect', 'held', 'applied', 'undone', 'dropped', 'overruled')),
    outcome TEXT, -- what the commit said; null while pending
    applied INTEGER, -- the round that it counts from; null unless applied, or undone by a rollback
    accepted INTEGER, -- what the sample's `accepted` was before
    entered INTEGER NOT NULL DEFAULT 0 CHECK (entered IN (0, 1)), -- 1: a slot under the new label was taken
    by_hand INTEGER NOT NULL DEFAULT 0 CHECK (by_hand IN (0, 1)), -- 1: a person released it
    CHECK ((state = 'pending') = (outcome IS NULL)),
    CHECK ((state IN ('applied', 'undone')) = (applied IS NOT NULL))
) STRICT;
CREATE INDEX relabels_samples ON relabels (sample);
CREATE INDEX relabels_states ON relabels (state, round);
CREATE INDEX relabels_applied ON relabels (applied) WHERE applied IS NOT NULL;

-- What the model answered to a sample after its round; written only while samples are evicted.
CREATE TABLE recollections (
    sample INTEGER PRIMARY KEY REFERENCES samples ON DELETE CASCADE,
    logits BLOB NOT NULL -- little-endian float16, one for each class of that round
) STRICT;

-- For how many a training sample stands, itself and evicted ones that were like it. Only of samples that were compared.
CREATE TABLE stand_ins (
    sample INTEGER PRIMARY KEY REFERENCES samples ON DELETE CASCADE,
    mass INTEGER NOT NULL CHECK (mass > 0),
    thumbnail BLOB NOT NULL -- uint8, the means of fields of the picture
) STRICT;

-- How a sample fared whenever it was trained on under the label that it has.
CREATE TABLE margins (
    sample INTEGER PRIMARY KEY REFERENCES samples ON DELETE CASCADE,
    total REAL NOT NULL, -- sum of its margins: the logit of its label less the largest other one
    count INTEGER NOT NULL CHECK (count > 0),
    said INTEGER CHECK (said >= 0) -- the class with the highest logit, the last time; null: a rollback took it away
) STRICT;

CREATE TABLE draws (
    round INTEGER PRIMARY KEY REFERENCES rounds,
    samples BLOB NOT NULL -- keys of the replayed samples, little-endian int64
) STRICT;

-- What the champion got wrong before it learnt a window: the drift detectors are rebuilt from it.
CREATE TABLE misses (
    round INTEGER PRIMARY KEY REFERENCES rounds,
    known INTEGER NOT NULL CHECK (known > 0), -- classes that the champion knew
    answers BLOB NOT NULL -- samples of these in claim order: 2 * class, one more where wrong; little-endian int32
) STRICT;

CREATE TABLE versions (
    version INTEGER PRIMARY KEY CHECK (version > 0),
    round INTEGER NOT NULL UNIQUE REFERENCES rounds,
    parent INTEGER REFERENCES versions CHECK (parent < version),
    manifest TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    state TEXT NOT NULL,
    published_at INTEGER, -- null while its publication is not finished
    retired_at INTEGER -- when its files were let go; null while they are kept
) STRICT;
CREATE UNIQUE INDEX versions_unpublished ON versions ((1)) WHERE published_at IS NULL;
CREATE INDEX versions_kept ON versions (version) WHERE retired_at IS NULL;

-- Where the champion pointer was moved, in order; the last one holds. A rollback cuts off the rounds that lie between
-- its version's and `after_round`, the last one at that time.
CREATE TABLE champions (
    move INTEGER PRIMARY KEY,
    version INTEGER NOT NULL REFERENCES versions,
    moved_at INTEGER NOT NULL,
    cause TEXT NOT NULL CHECK (cause IN ('published', 'rollback', 'repair')),
    after_round INTEGER NOT NULL REFERENCES rounds,
    settled_at INTEGER -- null while the repository's pointer may not name it yet
) STRICT;
CREATE INDEX champions_unsettled ON champions (move) WHERE settled_at IS NULL;

-- An older state was accepted where others had gone on from it: versions up to `version_floor` are theirs, not ours.
CREATE TABLE adoptions (
    adoption INTEGER PRIMARY KEY,
    version_floor INTEGER NOT NULL CHECK (version_floor >= 0),
    after_round INTEGER NOT NULL, -- the last round then, committed or claimed
    adopted_at INTEGER NOT NULL
) STRICT;

-- Files in weights/ that must be there.
CREATE TABLE weights (
    digest TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Requests that were answered, in order: what others asked the learner to change.
CREATE TABLE events (
    event INTEGER PRIMARY KEY,
    request TEXT NOT NULL UNIQUE, -- the name of its file
    kind TEXT NOT NULL,
    arguments TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('done', 'refused')),
    answer TEXT NOT NULL,
    committed_at INTEGER NOT NULL
) STRICT;

-- What was set aside together, by the number of the round that took it in (or that made held-out samples obsolete).
CREATE TABLE parcels (
    parcel INTEGER PRIMARY KEY REFERENCES rounds,
    role TEXT NOT NULL CHECK (role IN ('suspect', 'quarantined')),
    since INTEGER NOT NULL, -- the round after which it was set aside
    reason TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0 CHECK (tries >= 0),
    tried INTEGER, -- the last round that retried it
    learnable INTEGER NOT NULL DEFAULT 0 CHECK (learnable IN (0, 1)) -- 1: half of it could be learnt from the other
) STRICT;

-- Every suspect or quarantined sample: its parcel, the role that it would have, the class the champion took it for.
CREATE TABLE aside (
    sample INTEGER PRIMARY KEY REFERENCES samples ON DELETE CASCADE,
    parcel INTEGER NOT NULL REFERENCES parcels,
    was TEXT NOT NULL CHECK (was IN ('train', 'holdout')),
    said INTEGER CHECK (said >= 0)
) STRICT;
CREATE INDEX aside_parcel ON aside (parcel, sample);

-- What the last versions and the reference answered on held-out samples. The reference is named in `meta`.
CREATE TABLE answers (
    version INTEGER PRIMARY KEY REFERENCES versions,
    samples BLOB NOT NULL, -- keys, little-endian int64
    predicted BLOB NOT NULL, -- classes, little-endian int64
    classes INTEGER NOT NULL CHECK (classes > 0)
) STRICT;

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
-- Rounds whose training or judging raised, with what and where: windows in a row that raise the same are not at fault.
CREATE TABLE raised (
    round INTEGER PRIMARY KEY REFERENCES rounds,
    parcel INTEGER NOT NULL, -- the round whose samples it learnt from: its own, or the one that it retried
    signature TEXT NOT NULL, -- the error's type and where it was raised, without what it said
    said TEXT NOT NULL,
    faultless INTEGER NOT NULL DEFAULT 0 CHECK (faultless IN (0, 1)) -- 1: learning stood still for it
) STRICT;
