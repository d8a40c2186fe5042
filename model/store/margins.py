"""How each training sample has fared under its label: written in the commit of a round, gone with the sample.

The mean of a sample's margins is its score: low where the label is likely to be wrong (AUM, Pleiss 2020).
"""

import sqlite3

from model.store.facts import Observed


def add(database: sqlite3.Connection, observed: Observed) -> None:
    """Add what a round has seen of its samples, inside the transaction of its commit, before labels change."""
    columns = (observed.samples, observed.totals, observed.counts, observed.said)
    database.executemany(
        "INSERT INTO margins VALUES (?, ?, ?, ?) ON CONFLICT (sample) DO UPDATE"
        " SET total = total + excluded.total, count = count + excluded.count, said = excluded.said",
        zip(*(column.tolist() for column in columns), strict=True),
    )
