"""The rules and their tests, read as data."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docker" / "prometheus"
RULES = FOLDER / "rules.yml"
TESTS = sorted(FOLDER.glob("*test*.yml"))
OPERATIONS = ROOT / "docs" / "operations.md"

OF_OTHERS = {"up": {"job", "instance"}, "process_start_time_seconds": {"job", "instance"}, "ALERTS": {"alertstate"}}
"""Series that Prometheus and its client make; each has the labels of its target."""
OF_TARGETS = {"job", "instance", "le"}


def read(path: Path) -> Any:
    """Return what a YAML file holds."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def rules() -> list[dict[str, Any]]:
    """Return all rules, in their order."""
    return [rule for group in read(RULES)["groups"] for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    """Return the alerts by name."""
    found = [rule for rule in rules() if "alert" in rule]
    assert len({one["alert"] for one in found}) == len(found), "two alerts have one name"
    return {one["alert"]: one for one in found}


def expressions() -> list[str]:
    """Return every expression of a rule, and those within annotations."""
    found = [rule["expr"] for rule in rules()]
    for alert in alerts().values():
        found += re.findall(r'query "(.*?[^\\])"', alert["annotations"]["description"])
        found += [text for text in re.findall(r"`(.*?)`", alert["annotations"]["description"]) if "{" in text]
    return found


def documented() -> dict[str, set[str]]:
    """Return every metric that the reference in docs/operations.md lists, with its labels."""
    part = OPERATIONS.read_text(encoding="utf-8").split("## Metrics")[1].split("\n## ")[0]
    found: dict[str, set[str]] = {}
    for row in re.findall(r"^\| (`.*?) \|", part, re.MULTILINE):
        for name, labels in re.findall(r"`(\w+)(?:\{([\w,]+)\})?`", row):
            found.setdefault(f"tidemill_{name}", set()).update(filter(None, labels.split(",")))
    return found


def metric_of(series: str) -> str:
    """Return the metric that a series of a histogram belongs to."""
    return re.sub(r"_(bucket|count|sum)\Z", "", series)


def uses(expression: str) -> list[tuple[str, set[str]]]:
    """Return each series that an expression selects, with the labels that its selector names."""
    return [
        (name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector or "")))
        for name, selector in re.findall(
            r"(?<![\w:])(tidemill_\w+|up|process_start_time_seconds)\b(\{[^}]*\})?", expression
        )
    ]
