"""PromQL that all dashboards share: what is asked, of which metric, and with which objectives."""

from dataclasses import dataclass

SELECTED = 'job=~"$job",instance=~"$instance"'
"""What a person chose above the dashboard. Every selector of a metric of Tidemill carries it."""
LEARNER = 'model=""'
"""The learner's series of a metric that `serve` has as well: there it has the label `model`."""
FRESH_S = 300
FRESH_SHARE = 0.95
"""The objective of freshness: this share of samples within so many seconds."""
PUBLISH_S = 30
PUBLISH_SHARE = 0.995
DEAD_SHARE = 0.05
API_SHARE = 0.999
API = 'route=~"/v1/.*"'
"""What people ask of the server; probes and scrapes are never slow, and would hide what is."""
ROUNDS_WINDOW = "15m"
"""What happens once a round is averaged over this; a scrape's few intervals would hold no round at all."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A query, and how each series of its answer is called; `{{label}}` in it is that label's value."""

    expr: str
    legend: str
    exemplars: bool = False


def of(name: str, *matchers: str, **equal: str) -> str:
    """Return the selector of a metric of Tidemill, as chosen; `name` is without the prefix."""
    exact = [f'{label}="{value}"' for label, value in equal.items()]
    return f"tidemill_{name}{{{','.join((SELECTED, *matchers, *exact))}}}"


def process(name: str) -> str:
    """Return the selector of a metric that every process has, of Tidemill's own."""
    return f"{name}{{{SELECTED}}} and on (job, instance) tidemill_build_info{{{SELECTED}}}"


def rate(selector: str, by: str = "", window: str = "$__rate_interval") -> str:
    """Return the sum of a counter's rates, by the labels `by`."""
    return f"{_sum(by)} (rate({selector}[{window}]))"


def increase(selector: str, by: str = "", window: str = "$__range") -> str:
    """Return the sum of what a counter grew by, by the labels `by`."""
    return f"{_sum(by)} (increase({selector}[{window}]))"


def quantile(share: float, name: str, *matchers: str, by: str = "", window: str = "$__rate_interval") -> str:
    """Return a quantile of a histogram; no series where nothing was observed, rather than NaN."""
    labels = f"le, {by}" if by else "le"
    buckets = f"sum by ({labels}) (rate({of(f'{name}_bucket', *matchers)}[{window}]))"
    count = rate(of(f"{name}_count", *matchers), by, window)
    on = f"on ({by})" if by else "on ()"
    return f"histogram_quantile({share}, {buckets}) and {on} ({count} > 0)"


def mean(name: str, *matchers: str, by: str = "", window: str = "$__rate_interval") -> str:
    """Return the mean of a histogram; no series where nothing was observed, rather than NaN."""
    total = rate(of(f"{name}_sum", *matchers), by, window)
    return f"{total} / ({rate(of(f'{name}_count', *matchers), by, window)} > 0)"


def within(name: str, bound_s: int, window: str = "$__range") -> str:
    """Return the share of a histogram's observations within `bound_s`, which is one of its buckets."""
    good = increase(of(f"{name}_bucket", f'le=~"{bound_s}|{bound_s}.0"'), window=window)
    return f"{good} / ({increase(of(f'{name}_count'), window=window)} > 0)"


def _sum(by: str) -> str:
    return f"sum by ({by})" if by else "sum"
