"""The committed dashboards, read as Grafana reads them: panels, queries, annotations, variables."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "docker" / "grafana" / "dashboards"
NAMES = ("overview", "ingest", "learning", "serving")


@dataclass(frozen=True)
class Asked:
    """An expression of a dashboard, and the labels that it is shown by."""

    where: str
    expr: str
    labels: frozenset[str]
    exemplar: bool = False


def dashboard(name: str) -> dict[str, Any]:
    """Return a committed dashboard."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def panels(name: str) -> list[dict[str, Any]]:
    """Return its panels, rows left out."""
    return [panel for panel in dashboard(name)["panels"] if panel["type"] != "row"]


def asked(name: str) -> Iterator[Asked]:
    """Yield every expression of panels and annotations."""
    for panel in panels(name):
        columns = {
            column
            for change in panel.get("transformations", ())
            for column in change["options"]["renameByName"]
            if column != "Value"
        }
        for target in panel["targets"]:
            labels = frozenset(columns or labels_of(target["legendFormat"]))
            where = f"{name}: {panel['title']}, {target['refId']}"
            yield Asked(where, target["expr"], labels, bool(target.get("exemplar")))
    for one in dashboard(name)["annotations"]["list"]:
        yield Asked(f"{name}: annotation {one['name']}", one["expr"], labels_of(one["textFormat"]))


def variables(name: str) -> dict[str, str]:
    """Return the queries of its variables."""
    return {
        one["name"]: one["query"]["query"] for one in dashboard(name)["templating"]["list"] if one["type"] == "query"
    }


def labels_of(legend: str) -> frozenset[str]:
    """Return the labels that a legend names."""
    return frozenset(re.findall(r"\{\{\s*(\w+)\s*\}\}", legend))
