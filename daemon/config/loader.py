"""Merges the sources, in the order defaults < file < environment < flags, into one validated `Config`."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from daemon.config.conflicts import Conflict
from daemon.config.keys import ADDRESSES, all_keys
from daemon.config.problems import ConfigError, Problem
from daemon.config.sources import Gathered, Given, read_environment, read_file, read_flags
from daemon.config.tree import Config
from model.addresses import HIDDEN, shown_address

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration, with the origin of each key's value."""

    config: Config
    origins: Mapping[str, str]
    """By key: "default", "file PATH", "environment VARIABLE" or "flag"."""


def load(*, file: Path | None = None, sets: Sequence[str] = (), environ: Mapping[str, str] | None = None) -> Loaded:
    """Read the configuration. Raises ConfigError, which lists everything that is wrong at once.

    `sets` are texts `key=value`. `environ` is the process' environment unless given.
    """
    gathered = Gathered()
    if file is not None:
        read_file(gathered, file)
    read_environment(gathered, os.environ if environ is None else environ)
    read_flags(gathered, sets)
    config = _validated(gathered)
    if config is None or gathered.problems:
        raise ConfigError(tuple(gathered.problems))
    return Loaded(
        config, {key: gathered.values[key].origin if key in gathered.values else DEFAULT for key in all_keys()}
    )


def _validated(gathered: Gathered) -> Config | None:
    """Return the tree, or None with problems noted: first of single keys, then of those that contradict each other."""
    values = dict(gathered.values)
    bad: set[str] = set()
    while True:
        try:
            return Config.model_validate(_nested(values), strict=True)
        except ValidationError as error:
            details = error.errors(include_url=False)
            wrong = {_key_of(detail) for detail in details} & values.keys()
            if not wrong:
                gathered.problems += _contradictions(details, values, bad)
                return None
            gathered.problems += [_problem(name, values[name]) for name in sorted(wrong)]
            bad |= wrong
            # Without the wrong ones the rest can still be compared, so that everything is told at once.
            values = {name: given for name, given in values.items() if name not in wrong}


def _nested(values: Mapping[str, Given]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, given in values.items():
        section, dot, leaf = name.partition(".")
        if dot:
            tree.setdefault(section, {})[leaf] = given.value
        else:
            tree[name] = given.value
    return tree


def _key_of(detail: ErrorDetails) -> str:
    texts = [part for part in detail["loc"] if isinstance(part, str)]
    return ".".join(texts[:2])


def _problem(name: str, given: Given) -> Problem:
    key = all_keys()[name]
    listed = 'a list, as ["one", "two"]: ' if key.is_list and not isinstance(given.value, tuple) else ""
    return Problem(name, _shown(name, given.value), given.origin, f"must be {listed}{key.right}")


def _contradictions(details: Sequence[ErrorDetails], values: Mapping[str, Given], bad: set[str]) -> list[Problem]:
    found: tuple[Conflict, ...] = tuple(one for detail in details for one in detail.get("ctx", {}).get("conflicts", ()))
    problems: list[Problem] = []
    for one in found:
        if one.key in bad or any(name in one.expected for name in bad):
            continue
        given = values.get(one.key, Given(all_keys()[one.key].default, DEFAULT))
        problems.append(Problem(one.key, _shown(one.key, given.value), given.origin, f"must be {one.expected}"))
    return problems


def _shown(name: str, value: object) -> str:
    """Return a wrong value for people. What could hold a secret, a table or an @ included, is not told."""
    if all_keys()[name].is_secret:
        return shown_address(value) if name in ADDRESSES and isinstance(value, str) else HIDDEN
    if isinstance(value, tuple):
        return ",".join(_shown(name, item) for item in value) or "[]"
    if not isinstance(value, str | int | float) or "@" in str(value):
        return HIDDEN
    return str(value) or '""'


def log_form(*, file: Path | None = None, sets: Sequence[str] = (), environ: Mapping[str, str] | None = None) -> str:
    """Return log.format as far as it can be read, whatever else is wrong with the configuration: to tell that in it."""
    gathered = Gathered()
    if file is not None:
        read_file(gathered, file)
    read_environment(gathered, os.environ if environ is None else environ)
    read_flags(gathered, sets)
    given = gathered.values.get("log.format")
    return str(given.value) if given is not None and given.value in ("console", "json") else "auto"
