"""What /metrics serves, and what docs/operations.md says that it does."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as text_format

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
OPEN_METRICS = "application/openmetrics-text;version=1.0.0"
PLAIN = "text/plain;version=0.0.4"
PREFIX = "tidemill_"
ALL = "all"
_OF_HISTOGRAMS = ("_bucket", "_count", "_sum")


@dataclass(frozen=True)
class Documented:
    """A row's metric."""

    name: str
    labels: frozenset[str]
    may_be_absent: bool
    """The row says when it is."""


@dataclass
class Served:
    """One answer of /metrics."""

    text: str
    labels: dict[str, set[frozenset[str]]] = field(default_factory=dict)
    """By metric of ours, the sets of label names of its samples; none where it has no sample."""
    values: dict[tuple[str, frozenset[tuple[str, str]]], float] = field(default_factory=dict)
    exemplars: dict[str, list[dict[str, str]]] = field(default_factory=dict)

    def value(self, name: str, **labels: str) -> float | None:
        """Return a sample's value; None where it is not there."""
        return self.values.get((PREFIX + name, frozenset(labels.items())))

    def of(self, name: str) -> dict[frozenset[tuple[str, str]], float]:
        """Return the samples of a metric by their labels."""
        return {labels: value for (sample, labels), value in self.values.items() if sample == PREFIX + name}


def reference(role: str) -> dict[str, Documented]:
    """Return what the tables say that a role serves, by name."""
    part = OPERATIONS.read_text(encoding="utf-8").split("\n## Metrics\n")[1]
    found: dict[str, Documented] = {}
    for head, rows in re.findall(r"^\| ([\w, ]+) \| meaning \|\n\| --- \| --- \|\n((?:\|.*\n?)+)", part, re.MULTILINE):
        if not {role, ALL} & set(head.split(", ")):
            continue
        for names, meaning in re.findall(r"^\| (.*?) \| (.*) \|$", rows, re.MULTILINE):
            for name, labels in re.findall(r"`(\w+)(?:\{([\w,]+)\})?`", names):
                known = frozenset(labels.split(",")) if labels else frozenset()
                found[name] = Documented(name, known, "absent" in meaning)
    return found


def scrape(url: str, accept: str = PLAIN) -> Served:
    """Return what an address serves in the form that is asked for."""
    answer = httpx.get(f"{url}/metrics", headers={"Accept": accept}, timeout=20)
    answer.raise_for_status()
    content_type = answer.headers["content-type"]
    assert content_type.startswith(accept.split(";", maxsplit=1)[0]), content_type
    return read(answer.text, strict=accept is OPEN_METRICS)


def read(text: str, *, strict: bool) -> Served:
    """Parse a text; `strict`: as OpenMetrics."""
    served = Served(text)
    for family in (open_metrics if strict else text_format)(text):
        _take(served, family)
    return served


def _take(served: Served, family: Metric) -> None:
    ours = family.name.startswith(PREFIX)
    name = family.name.removeprefix(PREFIX) + ("_total" if family.type == "counter" else "")
    if ours:
        served.labels.setdefault(name, set())
    for sample in family.samples:
        served.values[sample.name, frozenset(sample.labels.items())] = sample.value
        if ours:
            served.labels[name].add(frozenset(sample.labels) - {"le"})
        if ours and sample.exemplar is not None:
            served.exemplars.setdefault(name, []).append(dict(sample.exemplar.labels))
