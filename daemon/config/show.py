"""The effective configuration, made fit for eyes: each key with its value, secrets masked, and the value's origin."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from daemon.config.keys import ADDRESSES, all_keys
from daemon.config.loader import Loaded
from daemon.config.tree import Config
from model.addresses import HIDDEN as MASK
from model.addresses import shown_address


@dataclass(frozen=True, slots=True)
class Setting:
    """One key, with its value as JSON knows it; a secret's is masked."""

    key: str
    value: Any
    origin: str
    is_secret: bool


def settings(loaded: Loaded) -> tuple[Setting, ...]:
    """Return every key of the tree, in its order."""
    return tuple(
        Setting(name, plain(name, value_of(loaded.config, name)), loaded.origins[name], key.is_secret)
        for name, key in all_keys().items()
    )


def value_of(config: Config, name: str) -> Any:
    """Return the value of the key `name` (`section.leaf`)."""
    value: Any = config
    for part in name.split("."):
        value = getattr(value, part)
    return value


def plain(name: str, value: Any) -> Any:
    """Return `value` as JSON knows it, masked where `name` is a secret."""
    if isinstance(value, SecretStr):
        text = value.get_secret_value()
        return shown_address(text) if text and name in ADDRESSES else MASK * bool(text)
    if isinstance(value, tuple):
        return list(value)
    text = str(value) if isinstance(value, Path) else value
    return shown_address(text) if isinstance(text, str) and "://" in text and "@" in text else text


def as_toml(shown: Sequence[Setting]) -> str:
    """Return a file for `--config`; values that are not defaults say whence they are, secrets stand as comments."""
    lines: list[str] = []
    section = ""
    for one in shown:
        head, dot, leaf = one.key.rpartition(".")
        if dot and head != section:
            section = head
            lines += ["", f"[{head}]"]
        text = f"{leaf} = {json.dumps(one.value, ensure_ascii=False)}"
        hidden = "# " if MASK in str(one.value) or (one.is_secret and not one.value) else ""
        note = "" if one.origin == "default" else f"  # {one.origin}"
        lines.append(hidden + text + note)
    return "\n".join(lines) + "\n"
