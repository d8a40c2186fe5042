"""Where values come from: a TOML file, the environment, flags. Each is read into `Given` values by key."""

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from daemon.config.foreign import is_foreign
from daemon.config.keys import Key, all_keys, may_be_secret, nearest, sections
from daemon.config.problems import Problem

PREFIX = "TIDEMILL_"
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
        """Note a key that does not exist; `shown` is how its source spells it."""
        key = nearest(name)
        spelt = key and (key.environment_name if shown.startswith(PREFIX) else key.name)
        hint = f"; did you mean {spelt}?" if spelt else "; `tidemill config --keys` lists them all"
        masked = "***" if may_be_secret(name) else str(value)
        self.problems.append(Problem(shown, masked, origin, f"there is no such key{hint}"))


def read_file(gathered: Gathered, path: Path) -> None:
    """Read the TOML file at `path`."""
    origin = f"file {path}"
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
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
            gathered.problems.append(Problem(name, str(value), origin, f"a section, written [{name}], with keys in it"))
        else:
            _take(gathered, name, value, origin)


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
        gathered.problems.append(Problem(variable, path, "environment", text))
        return
    try:
        secret = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        text = f"a file that can be read ({error.strerror if isinstance(error, OSError) else 'not UTF-8'})"
        gathered.problems.append(Problem(variable, path, "environment", text))
        return
    gathered.values[key.name] = Given(secret, f"environment {variable}")


def read_flags(gathered: Gathered, sets: Iterable[str]) -> None:
    """Read `key=value` texts; the last of a key counts."""
    for text in sets:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals:
            shown = "***" if may_be_secret(text) else text
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
