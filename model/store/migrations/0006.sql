-- From 0.1.0 to 0.2.0.

-- What training raised, to tell a fault of ours from a window's.
CREATE TABLE raised (
    round INTEGER PRIMARY KEY REFERENCES rounds,
    parcel INTEGER NOT NULL,
    signature TEXT NOT NULL,
    said TEXT NOT NULL,
    faultless INTEGER NOT NULL DEFAULT 0 CHECK (faultless IN (0, 1))
) STRICT;
