"""The rules as Prometheus itself reads and tests them, and what each alert must bring along."""

import re
import shutil

import pytest
import yaml

from tests.monitoring.programs import run
from tests.monitoring.rule_files import (
    FOLDER,
    OF_OTHERS,
    OF_TARGETS,
    ROOT,
    RULES,
    TESTS,
    alerts,
    documented,
    expressions,
    metric_of,
    read,
    rules,
    uses,
)

ALERTMANAGER = ROOT / "docker" / "alertmanager"
SECTIONS = ("What it means", "Why: two commands that show it", "What to do", "How to know that it is over")


def test_prometheus_takes_rules_and_configuration():
    done = run("promtool", "check", "rules", RULES.name, folder=FOLDER)
    assert done.returncode == 0, done.stderr
    done = run("promtool", "check", "config", "prometheus.yml", folder=FOLDER)
    assert done.returncode == 0, done.stderr


def test_alertmanager_takes_its_configuration():
    done = run("amtool", "check-config", "alertmanager.yml", folder=ALERTMANAGER)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (("severity=page", "alertname=TidemillRoleAbsent"), "pager"),
        (("severity=ticket", "alertname=TidemillDrift"), "tickets"),
        (("severity=page", "alertname=OfSomebodyElse"), "pager"),
    ],
)
def test_who_is_told_what(labels, receiver):
    done = run("amtool", "config", "routes", "test", "--config.file=alertmanager.yml", *labels, folder=ALERTMANAGER)
    assert done.stdout.strip() == receiver, done.stderr


def test_what_is_held_back_is_an_alert_that_exists():
    rules = read(ALERTMANAGER / "alertmanager.yml")["inhibit_rules"]
    named = set(
        re.findall(r"Tidemill\w+", " ".join(text for rule in rules for texts in rule.values() for text in texts))
    )
    assert named <= set(alerts()) and "TidemillRoleAbsent" in named


@pytest.mark.long
@pytest.mark.parametrize("file", TESTS, ids=lambda file: file.stem)
def test_alerts_fire_when_they_must_and_are_silent_when_they_must(file):
    done = run("promtool", "test", "rules", file.name, folder=FOLDER)
    assert done.returncode == 0, done.stdout + done.stderr


def alerts_that_tests_want(fires):
    """Return the alerts that a test wants to fire, or to be silent, at some time."""
    return {
        check["alertname"]
        for file in TESTS
        for group in read(file)["tests"]
        for check in group.get("alert_rule_test", [])
        if bool(check.get("exp_alerts")) is fires
    }


def test_every_alert_is_tested_both_ways():
    assert set(alerts()) == alerts_that_tests_want(fires=True) == alerts_that_tests_want(fires=False)


def test_every_alert_is_tested_over_a_restart_or_needs_none():
    # A restart is a scrape that fails, after which counters begin again. Which alert is about restarts and roles itself
    # has it in its values of `up` and of the start time.
    restarted = {
        check["alertname"]
        for file in TESTS
        for group in read(file)["tests"]
        if any("stale" in one["values"] for one in group["input_series"])
        for check in group.get("alert_rule_test", [])
        if check.get("exp_alerts")
    }
    assert set(alerts()) - restarted == {"TidemillRoleAbsent", "TidemillInstanceDown", "TidemillRoleRestarting"}


def test_whole_systems_are_looked_at_with_each_role_absent_and_after_restarts():
    states = read(FOLDER / "states_test.yml")["tests"]
    names = " ".join(group["name"] for group in states)
    assert all(f"without {role}" in names for role in ("ingest", "learn", "serve")) and "every role restarts" in names
    for group in states:
        assert all(check["expr"] == 'ALERTS{alertstate="firing"}' for check in group["promql_expr_test"])
    # What alerts are made of is there, so that their silence says something.
    given = {re.split(r"\{", one["series"])[0] for one in states[0]["input_series"]}
    needed = {name for one in alerts().values() for name, _ in uses(one["expr"])}
    absent_while_well = {"tidemill_outage_since_timestamp_seconds", "tidemill_uncommitted_since_timestamp_seconds"}
    assert needed - given == absent_while_well


@pytest.mark.long
@pytest.mark.parametrize(("expression", "fires"), [("vector(0) > 1", True), ("vector(1)", False)])
def test_the_tests_notice_an_alert_that_never_fires_and_one_that_always_does(tmp_path, expression, fires):
    for file in TESTS:
        shutil.copy(file, tmp_path)
    whole = read(RULES)
    for group in whole["groups"]:
        group["rules"] = [
            {"alert": rule["alert"], "expr": expression, "labels": rule["labels"]}
            for rule in group["rules"]
            if "alert" in rule
        ]
    whole["groups"] = [group for group in whole["groups"] if group["rules"]]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(whole), encoding="utf-8")
    noticed = set()
    for file in TESTS:
        done = run("promtool", "test", "rules", file.name, folder=tmp_path)
        assert done.returncode != 0, f"{file.name} does not notice it"
        noticed |= set(re.findall(r"Tidemill\w+", done.stdout + done.stderr))
    assert set(alerts()) <= noticed


@pytest.mark.parametrize(
    "arm", ["increase(", "unless tidemill_records_expired_total offset", "process_start_time_seconds <"]
)
def test_each_way_to_see_a_loss_is_needed(tmp_path, arm):
    shutil.copy(FOLDER / "loss_test.yml", tmp_path)
    whole = read(RULES)
    for rule in (
        rule for group in whole["groups"] for rule in group["rules"] if rule.get("alert") == "TidemillRecordsExpired"
    ):
        arms = rule["expr"].split("\nor ")
        kept = [one for one in arms if arm not in one]
        assert len(kept) == len(arms) - 1 == 2
        rule["expr"] = " or ".join(kept)
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(whole), encoding="utf-8")
    done = run("promtool", "test", "rules", "loss_test.yml", folder=tmp_path)
    assert done.returncode != 0


def test_every_alert_says_how_urgent_it_is_and_what_is_the_matter():
    for name, alert in alerts().items():
        assert alert["labels"]["severity"] in {"page", "ticket"}, name
        notes = alert["annotations"]
        assert notes["summary"] and "\n" not in notes["description"].strip(), name
        assert "{{" in notes["description"], f"{name}: its description holds no value"


def test_every_alert_has_a_runbook_of_four_parts_and_every_runbook_an_alert():
    named = set()
    for name, alert in alerts().items():
        path = alert["annotations"]["runbook_url"]
        assert re.fullmatch(r"docs/runbooks/[a-z-]+\.md", path), name
        named.add(path)
        text = (ROOT / path).read_text(encoding="utf-8")
        assert f"`{name}`" in text, f"{path} does not name {name}"
        parts = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
        assert tuple(part.split("\n")[0] for part in parts) == SECTIONS, path
        commands = re.findall(r"^\$ .+", parts[1], re.MULTILINE)
        assert len(commands) == 2, f"{path} shows {len(commands)} commands"
    assert named == {f"docs/runbooks/{one.name}" for one in (ROOT / "docs" / "runbooks").glob("*.md")} - {
        "docs/runbooks/README.md"
    }
    listed = set(
        re.findall(r"\]\(([a-z-]+\.md)\)", (ROOT / "docs" / "runbooks" / "README.md").read_text(encoding="utf-8"))
    )
    assert {f"docs/runbooks/{one}" for one in listed} == named


def test_what_rules_ask_for_is_documented():
    known = documented()
    used = [use for expression in expressions() for use in uses(expression)]
    assert len({name for name, _ in used}) > 20
    for name, labels in used:
        metric = name if name in known else metric_of(name)
        of_metric = OF_OTHERS.get(name) or known.get(metric)
        assert of_metric is not None, f"{name} is not in docs/operations.md"
        assert labels <= of_metric | OF_TARGETS, f"{name} has no label {labels - of_metric}"


def test_what_rules_record_is_named_by_level_metric_and_operation_and_is_used_by_those_names():
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    assert all(re.fullmatch(r"tidemill:\w+(:\w+)?", name) for name in recorded)
    asked = {name for expression in expressions() for name in re.findall(r"tidemill:\w+(?::\w+)?", expression)}
    assert asked <= recorded


def test_every_threshold_is_used():
    thresholds = {rule["labels"]["threshold"] for rule in rules() if rule.get("record") == "tidemill:threshold"}
    asked = {name for expression in expressions() for name in re.findall(r'threshold="(\w+)"', expression)}
    assert thresholds == asked


def test_the_alerts_of_the_operations_guide_are_those_there_are():
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8").split("## Alerts")[1].split("\n## ")[0]
    assert set(re.findall(r"`(Tidemill\w+)`", text)) == set(alerts())
