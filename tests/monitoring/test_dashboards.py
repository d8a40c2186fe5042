"""The committed dashboards: up to date, whole, and readable without a network."""

import json
import re
from itertools import combinations
from pathlib import Path

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard

from scripts.dashboards.__main__ import DASHBOARDS, write
from tests.monitoring.dashboards import FOLDER, NAMES, asked, dashboard, panels, variables

ROOT = Path(__file__).parents[2]
BUILT_IN = {"row", "stat", "timeseries", "state-timeline", "table"}
UNITS = {getattr(units, name) for name in dir(units) if isinstance(getattr(units, name), str)}
EVENTS = ["Published", "Refused", "Rolled back", "Class joined"]
RUNBOOKS = ROOT / "docs" / "runbooks"


def test_the_committed_files_are_what_the_code_makes(tmp_path):
    files = write(tmp_path)
    assert {file.name for file in files} == {file.name for file in FOLDER.glob("*.json")}
    for file in files:
        committed = (FOLDER / file.name).read_text(encoding="utf-8")
        assert file.read_text(encoding="utf-8") == committed, f"{file.name} is out of date: run make dashboards"


def test_two_runs_write_the_same_bytes(tmp_path):
    first, second = write(tmp_path / "1"), write(tmp_path / "2")
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]


def test_all_dashboards_are_looked_at_here():
    assert sorted(DASHBOARDS) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_of_grafana_knows_every_field(name):
    """What the SDK, made from Grafana's schema, reads and writes again is the same: it drops what it does not know."""
    register_default_plugins()
    whole = dashboard(name)
    again = json.loads(json.dumps(Dashboard.from_json(whole), cls=JSONEncoder))
    assert again == whole


@pytest.mark.parametrize("name", NAMES)
def test_a_dashboard_is_found_by_a_fixed_name_and_leads_to_the_others(name):
    whole = dashboard(name)
    assert whole["uid"] == f"tidemill-{name}"
    link = next(one for one in whole["links"] if one["type"] == "dashboards")
    assert set(link["tags"]) <= set(whole["tags"])
    assert link["includeVars"]
    assert link["keepTime"]


@pytest.mark.parametrize("name", NAMES)
def test_each_panel_has_a_unit_and_says_what_is_normal_and_what_to_do(name):
    for panel in panels(name):
        unit = panel["fieldConfig"]["defaults"]["unit"]
        assert unit in UNITS, (panel["title"], unit)
        assert re.match(r"\*\*Normal:\*\* \S.+\n\n\*\*Otherwise:\*\* \S.+", panel["description"]), panel["title"]
        assert panel["fieldConfig"]["defaults"]["noValue"] == "none yet", panel["title"]


@pytest.mark.parametrize("name", NAMES)
def test_titles_and_queries_have_names_of_their_own(name):
    titles = [panel["title"] for panel in panels(name)]
    assert len(set(titles)) == len(titles)
    for panel in panels(name):
        refs = [target["refId"] for target in panel["targets"]]
        assert refs
        assert len(set(refs)) == len(refs), panel["title"]
        assert all(target["legendFormat"] for target in panel["targets"])
    ids = [panel["id"] for panel in dashboard(name)["panels"]]
    assert ids == list(range(1, len(ids) + 1))


@pytest.mark.parametrize("name", NAMES)
def test_every_query_of_tidemill_asks_for_what_was_chosen(name):
    for one in asked(name):
        for metric, matchers in re.findall(r"\b((?:tidemill|process|up)\w*)(\{[^}]*\})?", one.expr):
            assert 'job=~"$job"' in matchers, (one.where, metric)
            assert 'instance=~"$instance"' in matchers, (one.where, metric)
    assert {"job", "instance"} <= variables(name).keys()


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_loaded_from_elsewhere(name):
    whole = dashboard(name)
    assert {panel["type"] for panel in whole["panels"]} <= BUILT_IN
    text = json.dumps(whole)
    assert "libraryPanel" not in text
    assert "http://" not in text
    assert "https://" not in text
    source = whole["templating"]["list"][0]
    assert (source["type"], source["query"], source["current"]["value"]) == ("datasource", "prometheus", "prometheus")
    assert set(re.findall(r'"uid": "([^"]*)"', text)) == {f"tidemill-{name}", "${datasource}"}


@pytest.mark.parametrize("name", NAMES)
def test_the_events_that_explain_a_curve_are_marked(name):
    assert [one["name"] for one in dashboard(name)["annotations"]["list"]] == EVENTS


@pytest.mark.parametrize("name", NAMES)
def test_no_panel_lies_over_another_or_beside_the_screen(name):
    places = [panel["gridPos"] | {"title": panel["title"]} for panel in dashboard(name)["panels"]]
    for one in places:
        assert one["x"] + one["w"] <= 24, one["title"]
    for one, other in combinations(places, 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one["title"], other["title"])


@pytest.mark.skipif(not RUNBOOKS.is_dir(), reason="there are no runbooks yet")
@pytest.mark.parametrize("name", NAMES)
def test_the_runbooks_that_are_named_are_there(name):
    named = {page for panel in panels(name) for page in re.findall(r"docs/runbooks/([\w-]+)\.md", panel["description"])}
    assert named
    missing = sorted(page for page in named if not (RUNBOOKS / f"{page}.md").is_file())
    assert not missing, f"{name}.json names runbooks that do not exist: {missing}"


@pytest.mark.parametrize("name", NAMES)
def test_the_commands_that_are_named_exist(name):
    from typer.main import get_command

    from daemon.cli.main import app

    known = get_command(app).commands
    for panel in panels(name):
        for command, word in re.findall(r"`tidemill ([a-z-]+)(?: ([a-z]+))?", panel["description"]):
            assert command in known, (panel["title"], command)
            group = getattr(known[command], "commands", None)
            assert group is None or word in group, (panel["title"], command, word)
