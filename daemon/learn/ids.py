"""The ids that every line about a round carries: its number, its window, and where it is traced its trace."""

import structlog

from daemon.learn.taker import log_of
from daemon.tracing.spans import LearnSpans
from model.store.facts import Claim

SPANS_SHOWN_MAX = 8
"""Logs of a window that a line names; `tidemill explain` names all."""
NAMES = ("round", "window", "stage", "trace_id")


def name_round(claim: Claim, spans: LearnSpans) -> None:
    """Put the round's ids on every line of this thread from here on, and tell its span what it learns from."""
    structlog.contextvars.bind_contextvars(round=claim.round, window=window_name(claim))
    spans.claimed(claim.round, claim.version, ((log_of(one.log), one.start, one.end) for one in claim.spans))


def forget_round() -> None:
    """What follows belongs to no round."""
    structlog.contextvars.unbind_contextvars(*NAMES)


def window_name(claim: Claim) -> str:
    """Return the window as `images/0:1200-1744 images/1:80-96`: of each log the offsets [from, to)."""
    if claim.retried is not None:
        return f"quarantined in round {claim.retried}"
    named = [f"{one.log.topic}/{one.log.partition}:{one.start}-{one.end}" for one in claim.spans[:SPANS_SHOWN_MAX]]
    left = len(claim.spans) - len(named)
    return " ".join([*named, *([f"and {left} more"] if left else [])]) or "none: a challenger is judged"
