"""Reads samples with their pixels. One query for many: a query for each costs a tenth of a small round."""

import json
import sqlite3
from collections.abc import Sequence

import numpy as np

from model.store.facts import Batch
from model.store.segments import Place, Segments


def read_batch(database: sqlite3.Connection, segments: Segments, samples: Sequence[int]) -> Batch:
    """Return the samples of these keys, in this order; -1 is the label of one of no class. Raises OSError."""
    query = (
        "SELECT coalesce(class, -1), event_time_ms, segments.digest, position FROM json_each(?) AS wanted"
        " CROSS JOIN samples ON sample = wanted.value JOIN labels USING (label) JOIN segments USING (segment)"
        " ORDER BY wanted.key"
    )
    rows = database.execute(query, (json.dumps(list(samples)),)).fetchall()
    if len(rows) != len(samples):
        raise LookupError(f"{len(samples) - len(rows)} of {len(samples)} samples are not stored")
    return Batch(
        samples=np.array(samples, np.int64),
        labels=np.array([row[0] for row in rows], np.int64),
        event_times_ms=np.array([row[1] for row in rows], np.int64),
        pixels_NHWC=segments.read([Place(row[2], row[3]) for row in rows]),
    )
