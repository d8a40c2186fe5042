"""Says what became of the pictures that a round brought again under other labels."""

import structlog

from daemon.learn.observer import LearnObserver, Relabelled
from model.store.facts import RelabelOutcome
from model.store.ledger import Ledger

SHOWN_MAX = 5
"""Producers that the line names."""

log = structlog.get_logger()


def tell_relabels(ledger: Ledger, observer: LearnObserver, number: int) -> None:
    """Tell the observer and the log about round `number`, which was just committed.

    What came with a window that stays suspect after a retry was told before.
    """
    outcomes = ledger.relabels.outcomes(number)
    if ledger.was_retry(number):
        outcomes.pop(RelabelOutcome.SUSPECT, None)
    if not outcomes:
        return
    observer.relabelled({Relabelled(outcome.value): pictures for outcome, pictures in outcomes.items()})
    waiting = sum(outcomes.values()) - outcomes.get(RelabelOutcome.APPLIED, 0)
    counts = ledger.relabels.counts_of(number)
    senders = dict.fromkeys(one.source or "(none given)" for one in counts)
    told = {outcome.value: pictures for outcome, pictures in sorted(outcomes.items())}
    facts = {"round": number, "outcomes": told, "sources": list(senders)[:SHOWN_MAX]}
    if waiting:
        cure = f"tidemill quarantine show {counts[0].round}; then release or drop it"
        log.warning("known pictures came under other labels, and not all got them", cure=cure, **facts)
    else:
        log.info("known pictures got other labels", **facts)
