"""Rounds whose training or judging raised. Windows in a row that raise are not at fault: something else is.

In a row: no candidate was judged between them. The rows outlast the process, so a restart resets nothing.
"""

import sqlite3
from dataclasses import dataclass

from model.store import parcels
from model.store.database import transaction
from model.store.facts import Claim

SAID_MAX = 500
"""Characters of what an error said that are kept."""
_LAST_JUDGED = "coalesce((SELECT max(round) FROM rounds WHERE evaluation IS NOT NULL), 0)"


@dataclass(frozen=True, slots=True)
class Failure:
    """A round that raised: the error's type and place of origin, and what it said the last time."""

    round: int
    signature: str
    said: str


class Raised:
    """What rounds raised. Every method that writes does so in a transaction of its own, and raises OSError."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def note(self, claim: Claim, signature: str, said: str) -> list[int]:
        """Note what the open claim's round raised; return the rounds in a row that raised the same, it being the last.

        A round that raised different things counts with the last of them.
        """
        parcel = claim.round if claim.retried is None else claim.retried
        with transaction(self._database):
            self._database.execute(
                "INSERT INTO raised (round, parcel, signature, said) VALUES (?, ?, ?, ?) ON CONFLICT (round)"
                " DO UPDATE SET signature = excluded.signature, said = excluded.said",
                (claim.round, parcel, signature, said[:SAID_MAX]),
            )
            self._database.execute(f"DELETE FROM raised WHERE faultless = 0 AND round <= {_LAST_JUDGED}")  # noqa: S608
        return self.in_a_row(signature)

    def in_a_row(self, signature: str) -> list[int]:
        """Return the newest rounds that raised `signature` one after the other, oldest first; none was judged since."""
        query = f"SELECT round, signature FROM raised WHERE round > {_LAST_JUDGED} ORDER BY round DESC"  # noqa: S608
        rounds: list[int] = []
        for number, raised in self._database.execute(query):
            if raised != signature:
                break
            rounds.append(number)
        return rounds[::-1]

    def all_in_a_row(self) -> list[int]:
        """Return the newest rounds that raised anything one after the other, oldest first; none was judged since."""
        query = f"SELECT round FROM raised WHERE round > {_LAST_JUDGED} ORDER BY round"  # noqa: S608 - a constant
        return [int(row[0]) for row in self._database.execute(query)]

    def acquit(self, rounds: list[int]) -> None:
        """Note that these rounds' windows are not at fault: they are given back once a candidate could be judged."""
        with transaction(self._database):
            self._database.executemany("UPDATE raised SET faultless = 1 WHERE round = ?", [(one,) for one in rounds])

    def standing(self, claim: Claim) -> Failure | None:
        """Return what the open claim raised where learning stands still for it; None where it does not."""
        query = "SELECT round, signature, said FROM raised WHERE round = ? AND faultless = 1"
        row = self._database.execute(query, (claim.round,)).fetchone()
        return Failure(*row) if row else None

    def forget(self, round_number: int) -> None:
        """Forget what a round raised: a person has decided what becomes of its window."""
        with transaction(self._database):
            self._database.execute("DELETE FROM raised WHERE round = ?", (round_number,))

    def give_back(self) -> list[int]:
        """Make the windows suspect again that were quarantined for what is cured now: each is retried, alone.

        Return their rounds. Between rounds only. Safe to repeat; a window that raises again is not given back twice.
        """
        query = f"SELECT round, parcel FROM raised WHERE faultless = 1 AND round <= {_LAST_JUDGED}"  # noqa: S608
        cured = self._database.execute(query).fetchall()
        if not cured:
            return []
        reason = "given back, for others raised the same error: it was no window's fault"
        with transaction(self._database):
            given = [parcel for _, parcel in cured if parcels.reconsider(self._database, parcel, reason)]
            self._database.executemany("DELETE FROM raised WHERE round = ?", [(one,) for one, _ in cured])
        return sorted(set(given))


def standing_round(database: sqlite3.Connection) -> int | None:
    """Return the open round that learning stands still at; None where it does not."""
    query = "SELECT round FROM raised JOIN rounds USING (round) WHERE faultless = 1 AND outcome IS NULL"
    row = database.execute(query).fetchone()
    return int(row[0]) if row else None
