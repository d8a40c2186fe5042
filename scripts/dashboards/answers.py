"""What Prometheus answers to a panel: Grafana's variables put in, legends written out."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

_VARIABLE = re.compile(r"\$(\w+)")
_LABEL = re.compile(r"\{\{\s*(\w+)\s*\}\}")
TIMEOUT_S = 30.0


class NoAnswerError(Exception):
    """Prometheus refused a query; the message is its own."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, in seconds since the epoch, and the seconds between two points of it."""

    start_s: float
    end_s: float
    step_s: int

    def values(self, scrape_s: int) -> dict[str, str]:
        """Return what Grafana puts in for its variables over this stretch, where all is chosen."""
        at_least = max(self.step_s + scrape_s, 4 * scrape_s)
        whole = math.ceil(self.end_s - self.start_s)
        mine = dict.fromkeys(("job", "instance", "gpu_host"), ".+")
        return {**mine, "__rate_interval": f"{at_least}s", "__range": f"{whole}s", "__interval": f"{self.step_s}s"}


@dataclass(frozen=True, slots=True)
class Series:
    """A line of a panel: what it is called, and its points, NaN where there is none."""

    name: str
    times_s: tuple[float, ...]
    values: tuple[float, ...]


def filled(expr: str, values: Mapping[str, str]) -> str:
    """Return an expression with variables put in; one that is not among `values` raises KeyError."""
    return _VARIABLE.sub(lambda found: values[found[1]], expr)


def named(legend: str, labels: Mapping[str, str]) -> str:
    """Return a legend with the values of its labels; one that is lacking is empty, as in Grafana."""
    return _LABEL.sub(lambda found: labels.get(found[1], ""), legend)


def answers(url: str, target: Mapping[str, Any], span: Span, scrape_s: int) -> list[Series]:
    """Ask Prometheus at `url` for a panel's query. Raises NoAnswerError, and what httpx raises."""
    asked = {"start": span.start_s, "end": span.end_s, "step": span.step_s}
    query = filled(target["expr"], span.values(scrape_s))
    answer = httpx.get(f"{url}/api/v1/query_range", params={"query": query, **asked}, timeout=TIMEOUT_S).json()
    if answer["status"] != "success":
        raise NoAnswerError(f"{answer.get('error')}: {query}")
    found = []
    for one in answer["data"]["result"]:
        times, values = zip(*((float(time), float(value)) for time, value in one["values"]), strict=True)
        found.append(Series(named(target["legendFormat"], one["metric"]), times, values))
    return sorted(found, key=lambda series: series.name)
