"""Where values come from: a TOML file, the environment, flags. Each is read into `Given` values by key."""

import errno
import json
import os
import stat
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from daemon.config.foreign import is_foreign
from daemon.config.keys import Key, all_keys, nearest, sections, shown_name, shown_value
from daemon.config.problems import Problem
from model.addresses import HIDDEN

PREFIX = "TIDEMILL_"
FILE_BYTES_MAX = 1_048_576
"""Of a configuration, or of a secret."""
_NUMBERS: dict[Any, TypeAdapter[Any]] = {kind: TypeAdapter(kind) for kind in (bool, int, float)}


@dataclass(frozen=True, slots=True)
class Given:
    """A value as one source gives it; `origin` names the source."""

    value: object
    origin: str


@dataclass(slots=True)
class Gathered:
    """What has been read so far: of each key the value that counts, and what was wrong."""

    values: dict[str, Given] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def unknown(self, name: str, shown: str, value: object, origin: str) -> None:
        """Note a key that does not exist; `shown` is how its source spells it. Its value may be a secret."""
        key = nearest(name)
        spelt = key and (key.environment_name if shown.startswith(PREFIX) else key.name)
        hint = f"; did you mean {spelt}?" if spelt else "; `tidemill config --keys` lists them all"
        self.problems.append(
            Problem(shown_name(shown), shown_value(name, value), origin, f"there is no such key{hint}")
        )


def read_file(gathered: Gathered, path: Path) -> None:
    """Read the TOML file at `path`."""
    origin = f"file {path}"
    try:
        document = tomllib.loads(_read_bounded(path, plain=False).decode("utf-8"))
    except OSError as error:
        gathered.problems.append(Problem("--config", str(path), "flag", f"a file that can be read ({error.strerror})"))
        return
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        gathered.problems.append(Problem("--config", str(path), "flag", f"a file in TOML ({error})"))
        return
    for name, value in document.items():
        if isinstance(value, dict):
            for leaf, inner in value.items():
                _take(gathered, f"{name}.{leaf}", inner, origin)
        elif name in sections():
            gathered.problems.append(Problem(name, HIDDEN, origin, f"a section, written [{name}], with keys in it"))
        else:
            _take(gathered, name, value, origin)


def _read_bounded(path: str | Path, *, plain: bool) -> bytes:
    """Return the bytes of a file of at most FILE_BYTES_MAX. Links are followed: mounted secrets are links.

    `plain`: a pipe or a device is refused, not waited for. Raises OSError.
    """
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | (os.O_NONBLOCK if plain else 0))
    with open(handle, "rb") as file:  # noqa: PTH123 - of a handle
        if plain and not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        data = file.read(FILE_BYTES_MAX + 1)
    if len(data) > FILE_BYTES_MAX:
        raise OSError(errno.EFBIG, f"it has more than {FILE_BYTES_MAX} bytes")
    return data


def _take(gathered: Gathered, name: str, value: object, origin: str) -> None:
    if name not in all_keys():
        gathered.unknown(name, name, value, origin)
        return
    gathered.values[name] = Given(tuple(value) if isinstance(value, list) else value, origin)


def read_environment(gathered: Gathered, environ: Mapping[str, str]) -> None:
    """Read every variable that begins with TIDEMILL_; `…_FILE` names a file that holds a secret.

    What is known to come from elsewhere is left alone (`foreign`); anything else that is no key is a problem.
    """
    for variable in sorted(name for name in environ if name.startswith(PREFIX)):
        name = variable.removeprefix(PREFIX).lower().replace("__", ".")
        origin = f"environment {variable}"
        secret = all_keys().get(name.removesuffix("_file"))
        if name in all_keys():
            gathered.values[name] = Given(parse(all_keys()[name], environ[variable]), origin)
        elif name.endswith("_file") and secret is not None and secret.is_secret:
            _read_secret(gathered, secret, variable, environ)
        elif not is_foreign(variable, environ):
            gathered.unknown(name, variable, environ[variable], "environment")


def _read_secret(gathered: Gathered, key: Key, variable: str, environ: Mapping[str, str]) -> None:
    path = environ[variable]
    if key.environment_name in environ:
        text = f"only one of {variable} and {key.environment_name}"
        gathered.problems.append(Problem(variable, HIDDEN, "environment", text))
        return
    # The secret itself may stand there by mistake: a path is told where something lies there.
    shown = path if os.path.lexists(path) else HIDDEN
    try:
        secret = _read_bounded(path, plain=True).decode("utf-8").strip()
    except UnicodeDecodeError:
        gathered.problems.append(Problem(variable, shown, "environment", "a file that can be read (not UTF-8)"))
        return
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        why = error.strerror if isinstance(error, OSError) else "no path"
        gathered.problems.append(Problem(variable, shown, "environment", f"a file that can be read ({why})"))
        return
    gathered.values[key.name] = Given(secret, f"environment {variable}")


def read_flags(gathered: Gathered, sets: Iterable[str]) -> None:
    """Read `key=value` texts; the last of a key counts."""
    for text in sets:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals:
            shown = name if name in all_keys() else HIDDEN
            gathered.problems.append(Problem("--set", shown, "flag", "key=value, as in --set kafka.topics=images"))
        elif name not in all_keys():
            gathered.unknown(name, name, value, "flag")
        else:
            gathered.values[name] = Given(parse(all_keys()[name], value), "flag")


def parse(key: Key, text: str) -> object:
    """Return the value that `text` means for `key`, lists as JSON or joined by commas; the text where it means none."""
    if key.is_list:
        return _parse_list(text.strip())
    adapter = _NUMBERS.get(key.field.annotation)
    if adapter is None:
        return text
    try:
        return adapter.validate_python(text.strip())
    except ValidationError:
        return text


def _parse_list(text: str) -> object:
    if not text.startswith("["):
        return tuple(part.strip() for part in text.split(",")) if text else ()
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return tuple(value)
