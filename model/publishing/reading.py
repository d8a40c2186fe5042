"""Reads JSON values strictly: an error names the key, what stands there, and what would be right."""

from collections.abc import Mapping
from typing import Any

from model.publishing.errors import ManifestError


class Fields:
    """The keys of one JSON object, which stands at `place`. Keys that nobody asks for are ignored."""

    def __init__(self, value: object, place: str) -> None:
        if not isinstance(value, Mapping):
            raise ManifestError(f"{place}: {value!r:.80} is no object")
        self._value: Mapping[str, Any] = value
        self._place = place

    def __contains__(self, key: str) -> bool:
        return key in self._value

    def _get(self, key: str) -> Any:
        if key not in self._value:
            raise ManifestError(f"{self._at(key)} is missing")
        return self._value[key]

    def _at(self, key: str) -> str:
        return f"{self._place}.{key}" if self._place else key

    def wrong(self, key: str, right: str) -> ManifestError:
        """Return the error for a key: what stands there, and what would be right."""
        return ManifestError(f"{self._at(key)}: {self._value.get(key)!r:.80} is not {right}")

    def integer(self, key: str, least: int = 0, default: int | None = None) -> int:
        """Return a whole number >= `least`; `default`, when given, stands for a missing key."""
        if default is not None and key not in self._value:
            return default
        value = self._get(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise self.wrong(key, f"a whole number from {least} on")
        return value

    def integer_or_none(self, key: str, least: int = 0) -> int | None:
        """Return a whole number >= `least`, or None for null."""
        return None if self._get(key) is None else self.integer(key, least)

    def number(self, key: str, least: float = 0.0, most: float = float("inf")) -> float:
        """Return a finite number within [least, most]."""
        value = self._get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise self.wrong(key, f"a number from {least:g} to {most:g}")
        if value in (float("inf"), float("-inf")):
            raise self.wrong(key, "a finite number")
        return float(value)

    def number_or_none(self, key: str, least: float = 0.0, most: float = float("inf")) -> float | None:
        """Return a number within [least, most], or None for null."""
        return None if self._get(key) is None else self.number(key, least, most)

    def text(self, key: str) -> str:
        """Return text that is not empty."""
        value = self._get(key)
        if not isinstance(value, str) or not value:
            raise self.wrong(key, "a text that is not empty")
        return value

    def text_or_none(self, key: str) -> str | None:
        """Return text that is not empty, or None for null."""
        return None if self._get(key) is None else self.text(key)

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, none empty and none twice."""
        value = self._get(key)
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise self.wrong(key, "a list of texts that are not empty")
        if len(set(value)) != len(value):
            raise self.wrong(key, "a list in which nothing stands twice")
        return tuple(value)

    def inner(self, key: str) -> "Fields":
        """Return the object that stands under `key`."""
        return Fields(self._get(key), self._at(key))

    def list_of(self, key: str) -> "list[Fields]":
        """Return the objects of the list that stands under `key`."""
        value = self._get(key)
        if not isinstance(value, list):
            raise self.wrong(key, "a list")
        return [Fields(item, f"{self._at(key)}[{index}]") for index, item in enumerate(value)]

    def map_of(self, key: str) -> "dict[str, Fields]":
        """Return the objects by name that stand under `key`."""
        value = self._get(key)
        if not isinstance(value, Mapping):
            raise self.wrong(key, "an object")
        return {name: Fields(item, f"{self._at(key)}.{name}") for name, item in value.items()}
