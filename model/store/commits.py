"""The commit: one transaction in which a round becomes history. Before it the round is done again, after it never."""

import json
import sqlite3
from collections import defaultdict

import numpy as np

from model.store import budgets, class_events, margins, parcels, recollections, relabelling, relabels, slots
from model.store.claims import label_number, released_samples
from model.store.facts import Claim, Commit, Fate, Outcome, Role, StoreRules
from model.store.kept_answers import write_answers
from model.store.misses import note_misses
from model.store.pictures import is_held_out

DRAWS_KEPT = 1_000
"""Rounds whose replayed samples can be named by `explain --samples`."""


def check_commit(claim: Claim, commit: Commit) -> None:
    """Raise ValueError when the commit contradicts itself or its claim."""
    if (commit.outcome is Outcome.PUBLISHED) != (commit.version is not None):
        raise ValueError("a round is published if and only if it has a version")
    if commit.version is not None and commit.version.version != claim.version:
        raise ValueError(f"the claim's version is {claim.version}, not {commit.version.version}")
    if commit.version is not None and commit.fate is not Fate.ACCEPTED:
        raise ValueError("a published round accepts its samples")
    if commit.version is not None and commit.state is None:
        raise ValueError("a published version needs the digest of its weights")


def write_commit(database: sqlite3.Connection, claim: Claim, commit: Commit, now_ms: int, rules: StoreRules) -> None:
    """Write the end of the round, inside the caller's transaction; eviction follows in the same one."""
    note_misses(database, claim, commit)
    if commit.observed is not None and commit.fate is Fate.ACCEPTED:
        margins.add(database, commit.observed)
    if commit.replay_budget is not None and commit.fate is Fate.ACCEPTED:
        budgets.write(database, commit.replay_budget)
    if commit.contradicted:
        parcels.retire(database, claim, commit.contradicted)
    relabelling.end(database, claim, commit, rules)
    if claim.retried is not None:
        parcels.end_retry(database, claim, commit)
    elif commit.fate is Fate.ACCEPTED:
        _accept(database, claim)
    else:
        _set_aside(database, claim, commit)
    if claim.challenges and commit.version is not None:
        recollections.drop_all(database)
    if commit.fresh_logits is not None and commit.fate is Fate.ACCEPTED:
        recollections.keep(database, *commit.fresh_logits)
    if commit.fate is Fate.ACCEPTED:
        class_events.note_joined(database, claim, now_ms)
    parcels.give_up(database, claim.round)
    relabels.hold_orphans(database)
    _advance_positions(database, claim)
    _close_round(database, claim, commit, now_ms)
    if commit.version is not None:
        new = commit.version
        database.execute(
            "INSERT INTO versions (version, round, parent, manifest, sha256, state) VALUES (?, ?, ?, ?, ?, ?)",
            (new.version, claim.round, claim.parent, json.dumps(dict(new.manifest)), new.sha256, commit.state),
        )
        if commit.answers is not None:
            write_answers(database, new.version, commit.answers, reference=commit.best)
    if commit.replayed.size:
        keys = commit.replayed.astype("<i8").tobytes()
        database.execute("INSERT INTO draws VALUES (?, ?)", (claim.round, keys))
    database.execute("DELETE FROM draws WHERE round <= ?", (claim.round - DRAWS_KEPT,))


def _accept(database: sqlite3.Connection, claim: Claim) -> None:
    """Make the window visible to replay and judging. Its own samples enter last: eviction knows them by that."""
    _release_waiting(database, claim)
    groups: dict[tuple[int, Role], list[int]] = defaultdict(list)
    query = "SELECT label, role, sample FROM samples WHERE sample > ? AND sample <= ? ORDER BY sample"
    for label, role, sample in database.execute(query, (claim.high_water, claim.last_sample)):
        groups[label, Role(role)].append(sample)
    for (label, role), samples in groups.items():
        if role is Role.WAITING:
            slots.add_to_tally(database, label, role, len(samples))
        else:
            slots.enter(database, label, role, samples)


def _release_waiting(database: sqlite3.Connection, claim: Claim) -> None:
    """Take in what waited for a label that is a class from this round on."""
    for name in claim.joined:
        label = label_number(database, name)
        if not slots.tally(database, label, Role.WAITING):
            continue
        _admit(database, claim, label, (label, released_samples(database, claim, label)))


def _admit(database: sqlite3.Connection, claim: Claim, old: int, admitted: tuple[int, list[tuple[int, bytes]]]) -> None:
    """Move samples that waited under the label `old` to training or holdout under the label given with them."""
    label, waiting = admitted
    slots.add_to_tally(database, old, Role.WAITING, -len(waiting))
    held = [sample for sample, digest in waiting if is_held_out(digest, claim.holdout_share)]
    slots.enter(database, label, Role.HOLDOUT, held)
    slots.enter(database, label, Role.TRAIN, [sample for sample, _ in waiting if sample not in set(held)])


def _set_aside(database: sqlite3.Connection, claim: Claim, commit: Commit) -> None:
    """Keep the window out of replay and judging; its new classes leave again."""
    role, window = Role(commit.fate.value), (claim.high_water, claim.last_sample)
    query = (
        "SELECT sample, role FROM samples WHERE sample > ? AND sample <= ? AND role IN ('train', 'holdout')"
        " ORDER BY sample"
    )
    rows = database.execute(query, window).fetchall()
    said = [None] * len(rows) if commit.said is None else commit.said.tolist()
    members = [(sample, Role(was), one) for (sample, was), one in zip(rows, said, strict=True)]
    parcels.set_aside(database, claim.round, role, commit.reason, members)
    database.execute(
        "UPDATE samples SET role = ? WHERE sample > ? AND sample <= ? AND role IN ('train', 'holdout')", (role, *window)
    )
    query = "SELECT label, role, count(*) FROM samples WHERE sample > ? AND sample <= ? GROUP BY label, role"
    for label, kind, count in database.execute(query, window).fetchall():
        slots.add_to_tally(database, label, Role(kind), count)
    database.execute("UPDATE labels SET class = NULL, joined_round = NULL WHERE joined_round = ?", (claim.round,))
    database.execute(
        "UPDATE spans SET suspect = trained + holdout, trained = 0, holdout = 0 WHERE round = ?", (claim.round,)
    )


def _advance_positions(database: sqlite3.Connection, claim: Claim) -> None:
    database.execute(
        "UPDATE logs SET position = (SELECT stop FROM spans WHERE spans.log = logs.log AND spans.round = ?1)"
        " WHERE log IN (SELECT log FROM spans WHERE round = ?1)",
        (claim.round,),
    )


def _close_round(database: sqlite3.Connection, claim: Claim, commit: Commit, now_ms: int) -> None:
    evaluation = None if commit.evaluation is None else json.dumps(dict(commit.evaluation))
    screened = json.dumps(dict(commit.screened)) if commit.screened else None
    facts = (commit.outcome, commit.fate, commit.verdict, commit.reason, commit.state or claim.state)
    database.execute(
        "UPDATE rounds SET outcome = ?, fate = ?, verdict = ?, reason = ?, result = ?, prequential_accuracy = ?,"
        " evaluation = ?, screened = ?, change = ?, seconds = ?, committed_at = ? WHERE round = ?",
        (
            *facts,
            commit.prequential_accuracy,
            evaluation,
            screened,
            commit.change,
            commit.seconds,
            now_ms,
            claim.round,
        ),
    )


def eviction_generator(claim: Claim) -> np.random.Generator:
    """Return the generator of a round's evictions."""
    return np.random.default_rng([claim.seed, claim.round, 0xE71C7])
