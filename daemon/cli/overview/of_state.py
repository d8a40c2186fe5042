"""Reads the learner's state directory, which a learner may be writing."""

import os
from pathlib import Path
from typing import Any

from daemon.cli.classes import event_facts, waiting_facts
from daemon.cli.overview.facts import State
from daemon.config import Config
from model.store.ledger import Ledger
from model.store.lock import FILE_NAME as LOCK
from model.store.outlook import read_outlook

LATELY_MS = 24 * 3600 * 1000
"""A window that came into quarantine within a day is news."""
LOCKS = Path("/proc/locks")
PID_CHARS = 16
"""Of the lock's file: who holds it writes its process there first."""
CLASS_EVENTS = 5
"""What happened to classes lately; `tidemill classes list` has more."""


def read_state(config: Config, now_ms: int) -> State:
    """Return what the state directory says. Raises StateError where it cannot be read."""
    folder = config.paths.state
    with Ledger.read_only(folder) as ledger:
        book = ledger.book()
        return State(
            champion=ledger.champion(),
            last_round=ledger.last_round(),
            positions=ledger.positions(),
            store=ledger.counts(),
            drift=ledger.drift(),
            waiting={
                "dropped": ledger.waiting_dropped(),
                "labels": [_brief(one) for one in waiting_facts(book.waiting(), config.model.class_min_samples)],
            },
            classes={**book.counts(), "events": [event_facts(one) for one in book.newest_events(CLASS_EVENTS)]},
            relabels=_relabels(ledger),
            outlook=read_outlook(folder, now_ms - LATELY_MS),
            learner_lives=is_held(folder / LOCK),
        )


def _brief(label: dict[str, Any]) -> dict[str, Any]:
    """Return a label that waits; why, of one that more pictures would not help."""
    flags = ("near", "retired", "admitted")
    plain = ("label", "count", "windows")
    return {
        key: value for key, value in label.items() if key in plain or (any(label[flag] for flag in flags) and value)
    }


def _relabels(ledger: Ledger) -> dict[str, Any]:
    """Return what is to say of known pictures that came under other labels."""
    waiting = ledger.relabels.waiting()
    return {
        "waiting": sum(waiting.values()),
        "rounds": list(waiting),
        "since_look": ledger.relabels.since_look(),
        "at_limit": ledger.relabels.at_limit(),
    }


def is_held(lock: Path, locks: Path = LOCKS) -> bool | None:
    """Return whether a process of this host, or of this container, holds the lock of a file.

    Only looked up, in the kernel's own list: to try to take it could keep a learner from it that starts just now.
    By device and file, or by process and file, for some file systems (btrfs, overlays) tell another device than
    the list has. None where there is no such list, or no such file.
    """
    try:
        of = lock.stat()
        holder = lock.read_bytes()[:PID_CHARS].split()
        listed = locks.read_text(encoding="ascii")
    except OSError:
        return None
    place = f"{os.major(of.st_dev):02x}:{os.minor(of.st_dev):02x}:{of.st_ino}"
    process = holder[0].decode() if holder else None
    flocks = (line.split()[4:6] for line in listed.splitlines() if "FLOCK" in line and "->" not in line)
    return any(at == place or (by == process and at.endswith(f":{of.st_ino}")) for by, at in flocks)
