"""Every key there is: its section's field, whether it is a secret, and in words what a right value is."""

import re
import types
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any, Literal, get_args, get_origin

import annotated_types as at
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from daemon.config.tree import Config
from model.addresses import HIDDEN

ADDRESSES = ("redis.url", "pull.url")
"""Secrets of which a part is shown: where they lead."""
_SECRET_WORDS = re.compile(r"pass|secret|token|credential|url|private|key|sasl|auth|user|redis|cert", re.IGNORECASE)
_PLAIN = re.compile(r"[A-Za-z0-9._, -]{1,60}")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", SecretStr: "a text"}
_BOUNDS = ((at.Ge, "ge", "at least"), (at.Gt, "gt", "above"), (at.Le, "le", "at most"), (at.Lt, "lt", "below"))


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the configuration, `name` as in `kafka.topics`."""

    name: str
    field: FieldInfo

    @property
    def is_secret(self) -> bool:
        """Whether the value must never be printed."""
        return self.field.annotation is SecretStr

    @property
    def is_list(self) -> bool:
        """Whether the value is a list of texts."""
        return get_origin(self.field.annotation) is tuple

    @property
    def default(self) -> Any:
        """The value without any configuration."""
        return self.field.get_default()

    @property
    def meaning(self) -> str:
        """What the key is for, in a line."""
        return self.field.description or ""

    @property
    def environment_name(self) -> str:
        """The environment variable that sets it."""
        return "TIDEMILL_" + self.name.upper().replace(".", "__")

    @property
    def right(self) -> str:
        """What would be a right value, in words."""
        extra = self.field.json_schema_extra
        if isinstance(extra, dict) and "right" in extra:
            return str(extra["right"])
        annotation = self.field.annotation
        if get_origin(annotation) is Literal:
            return "one of " + ", ".join(str(word) or '""' for word in get_args(annotation))
        kind = _KINDS.get(annotation, "a path") if isinstance(annotation, type) else "a list of texts"
        return " ".join((kind, *_bounds(self.field.metadata)))


def _bounds(metadata: list[Any]) -> list[str]:
    words = [
        f"{word} {getattr(limit, name)}"
        for kind, name, word in _BOUNDS
        for limit in metadata
        if isinstance(limit, kind)
    ]
    return [" and ".join(words)] if words else []


@cache
def all_keys() -> Mapping[str, Key]:
    """Return every key by its name, in the tree's order."""
    return types.MappingProxyType({key.name: key for key in _walk(Config, "")})


def _walk(model: type[BaseModel], prefix: str) -> list[Key]:
    found: list[Key] = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found += _walk(kind, f"{prefix}{name}.")
        else:
            found.append(Key(prefix + name, field))
    return found


@cache
def sections() -> frozenset[str]:
    """Return the names of the sections."""
    return frozenset(name.partition(".")[0] for name in all_keys() if "." in name)


def nearest(name: str) -> Key | None:
    """Return the key that `name` was probably meant to be."""
    folded = {re.sub(r"[._]+", "_", known): known for known in all_keys()}
    wanted = re.sub(r"[._-]+", "_", name.lower())
    leaves = [known for known in all_keys() if known.rpartition(".")[2] == wanted.rpartition("_")[2] == name]
    close = get_close_matches(wanted, folded, n=1, cutoff=0.6)
    if wanted in folded:
        return all_keys()[folded[wanted]]
    if len(leaves) == 1:
        return all_keys()[leaves[0]]
    return all_keys()[folded[close[0]]] if close else None


def shown_name(name: str) -> str:
    """Return the name of a key that is not known, where it can be one: else it may be a secret in the wrong place."""
    return name if _NAME.fullmatch(name) else HIDDEN


def shown_value(name: str, value: object) -> str:
    """Return the value of a key that is not known: told where the key that was meant is certain to be no secret."""
    meant = nearest(name)
    told = meant is not None and not meant.is_secret and not _SECRET_WORDS.search(name)
    return str(value) if told and isinstance(value, str | int | float) and _PLAIN.fullmatch(str(value)) else HIDDEN
