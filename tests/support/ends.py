"""Both ends of every number that can be configured, found in the configuration's own tree."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

import annotated_types as at

from daemon.config import Config, ConfigError, load
from daemon.config.keys import Key, all_keys

LEAST, MOST = "least", "most"


@dataclass(frozen=True)
class End:
    """One end of one number's range."""

    key: str
    which: str
    value: int | float

    def __str__(self) -> str:
        return f"{self.key}-{self.which}"


def numbers() -> list[Key]:
    """Return the keys whose value is a number, or may be one."""
    return [key for key in all_keys().values() if _kinds(key) & {int, float}]


def limits(key: Key) -> dict[str, int | float]:
    """Return the ends that the field names; LEAST or MOST is missing where it names none."""
    whole = int in _kinds(key)
    found: dict[str, int | float] = {}
    for limit in key.field.metadata:
        if isinstance(limit, at.Ge):
            found[LEAST] = limit.ge
        elif isinstance(limit, at.Gt):
            found[LEAST] = limit.gt + 1 if whole else math.nextafter(limit.gt, math.inf)
        elif isinstance(limit, at.Le):
            found[MOST] = limit.le
        elif isinstance(limit, at.Lt):
            found[MOST] = limit.lt - 1 if whole else math.nextafter(limit.lt, -math.inf)
    return found


def ends() -> list[End]:
    """Return both ends of every number."""
    return [End(key.name, which, value) for key in numbers() for which, value in limits(key).items()]


def configured(end: End, base: Mapping[str, Any], companions: Mapping[str, Any]) -> Config:
    """Return a configuration with the number at its end, or as near to it as the other settings let it.

    What the conflict says is right is taken for the value: so a conflict's own limit is run as well.
    """
    wanted = {**base, **companions, end.key: end.value}
    try:
        return _load(wanted)
    except ConfigError as error:
        (problem,) = error.problems
        assert problem.key == end.key, f"{end}: {error}"
        limit = re.search(r"at (?:least|most)\D* (\d+)", problem.expected)
        assert limit is not None, f"{end}: {problem}"
        return _load({**wanted, end.key: int(limit[1])})


def _load(settings: Mapping[str, Any]) -> Config:
    sets = [f"{key}={value}" if isinstance(value, str) else f"{key}={_text(value)}" for key, value in settings.items()]
    return load(environ={}, sets=sets).config


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _kinds(key: Key) -> set[Any]:
    annotation = key.field.annotation
    return {annotation, *get_args(annotation)} - {bool}
