"""Tells observers what former lives of the learner left, so that after a restart every figure is what it was."""

from contextlib import suppress

from daemon.learn.observer import Champion, Judgement, LearnObserver, Outcome, Past
from daemon.learn.reporting import mean_loss
from model.publishing.errors import RepositoryError
from model.publishing.repository import Repository
from model.store.facts import Json
from model.store.facts import Outcome as StoredOutcome
from model.store.ledger import Ledger


def tell_past(ledger: Ledger, observer: LearnObserver) -> None:
    """Tell what the database knows, once, before Redis is asked for anything: that may be away for long.

    Raises sqlite3.DatabaseError where it cannot be read; nothing was told then.
    """
    past, committed_ms, book = _past(ledger), ledger.committed_at_ms(), ledger.book()
    before, judgement = _quality(ledger)
    samples, bytes_used = ledger.counts(), ledger.bytes_used()
    labels = {**book.counts(), "near": len(book.near())}
    quarantined = ledger.past.quarantined_windows()
    observer.past_known(past)
    if committed_ms is not None:
        observer.committed(committed_ms)
    if before is not None:
        observer.scored_before(before)
    if judgement is not None:
        observer.judged(judgement)
    observer.store_seen(samples, bytes_used)
    observer.classes_seen(labels)
    observer.quarantine_seen(quarantined)


def tell_repository(repository: Repository, observer: LearnObserver) -> None:
    """Tell what the repository holds. Where it cannot be read that is not for here to say.

    The learner's first turn comes to it, and waits, mends it or ends as that needs.
    """
    with suppress(RepositoryError):
        visible = repository.visible()
        tell_champion(repository, observer)
        observer.repository_seen(len(visible), sum(visible.values()))


def tell_champion(repository: Repository, observer: LearnObserver) -> None:
    """Tell of the version that followers pull. After an older state was accepted it may be newer than any we know."""
    champion = repository.champion()
    if champion is None:
        observer.champion_known(None)
        return
    manifest, published_at = champion
    published_ms = round(published_at.timestamp() * 1000)
    observer.champion_known(Champion(manifest.version, manifest.architecture, len(manifest.classes), published_ms))


def _past(ledger: Ledger) -> Past:
    past = ledger.past
    stored, empty = past.outcomes(), past.empty()
    rounds = {
        Outcome.PUBLISHED: stored[StoredOutcome.PUBLISHED],
        Outcome.HELD: stored[StoredOutcome.HELD],
        Outcome.REFUSED: stored[StoredOutcome.REFUSED] - empty,
        Outcome.EMPTY: empty,
        Outcome.FAILED: past.failures(),
    }
    return Past(rounds, past.refused_in_row(), ledger.waiting_dropped(), past.retired_versions())


def _quality(ledger: Ledger) -> tuple[float | None, Judgement | None]:
    """Return the newest of each figure: what a round could not say keeps what an earlier one said."""
    before: float | None = None
    merged: dict[str, object] = {}
    wanted = ("candidate_accuracy", "champion_accuracy", "negative_flip_rate", "forgetting", "train_holdout_gap")
    classes: dict[str, float] | None = None
    for accuracy, evaluation in ledger.past.found_before():
        before = accuracy if before is None else before
        if evaluation is not None:
            classes = _by_class(evaluation) if classes is None else classes
            found = {**evaluation, "forgetting": _forgetting(evaluation)}
            merged |= {name: found[name] for name in wanted if name not in merged and found.get(name) is not None}
        if before is not None and classes is not None and len(merged) == len(wanted):
            break
    figures = {name: _number(merged.get(name)) for name in wanted}
    return before, None if classes is None else Judgement(class_accuracy=classes, **figures)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _by_class(evaluation: Json) -> dict[str, float]:
    return {name: score["candidate"] for name, score in evaluation.get("per_class", {}).items() if score["n"]}


def _forgetting(evaluation: Json) -> float | None:
    scores = evaluation.get("per_class", {}).values()
    return mean_loss((score["n"], score["candidate"], score["champion"]) for score in scores)
