"""Holds a closed list of classes to what the state has learnt: a head does not change its order by itself."""

import json
import shlex
from collections.abc import Sequence

from daemon.config import Config
from daemon.errors import OperatorError
from model.store.directory import StateDirectory

NAMED_MAX = 50
"""Names that a message has."""


def check_classes(config: Config, directory: StateDirectory) -> None:
    """Refuse a `model.classes` that contradicts the state, with the choice. Raises OperatorError."""
    if not config.model.classes:
        return
    book = directory.ledger.book()
    known, aliases, merges = book.classes(), book.aliases(), book.merges()
    left = [name for name in config.model.classes if name in merges or (name in book.retired() and name not in known)]
    if left:
        how = f"merged into {aliases[left[0]]!r}" if left[0] in merges else "retired"
        raise _refusal(
            f"model.classes lists {left[0]!r}, which was {how}",
            f"take it out of model.classes, or start with model.classes=[], `{_command('admit', left[0])}`, and close "
            "the list when it is a class again",
        )
    listed = [aliases.get(name, name) for name in config.model.classes]
    missing = [name for name in known if name not in listed]
    right = [*known, *(name for name in listed if name not in known)]
    if missing:
        raise _refusal(
            f"model.classes does not list {_told(missing)}, which the state has as {_classes(missing)}",
            f"set model.classes={_told(right)}, or start with model.classes=[], take out what is wrong "
            f"(`{_command('retire', missing[0])}`, or `{_command('merge', missing[0], 'INTO')}`), and close it then",
        )
    if listed[: len(known)] != list(known):
        raise _refusal(
            f"model.classes has another order than the state, whose classes are {_told(known)}",
            f"set model.classes={_told(right)}: the order is that of the model's outputs",
        )


def _refusal(message: str, cure: str) -> OperatorError:
    return OperatorError("model.classes", message, f"Nothing was changed; {cure}", exit_code=2)


def _told(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED_MAX} more, in the order of `tidemill classes list`" * (len(names) > NAMED_MAX)
    return json.dumps(list(names[:NAMED_MAX]), ensure_ascii=False) + more


def _classes(names: Sequence[str]) -> str:
    return "a class" if len(names) == 1 else "classes"


def _command(*words: str) -> str:
    return f"tidemill classes {' '.join(map(shlex.quote, words))}"
