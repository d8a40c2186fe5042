"""The compose file as Docker Compose itself reads it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from daemon.config import Config
from daemon.version import VERSION

FILE = Path(__file__).parents[2] / "docker" / "compose.yaml"
COMPOSE = Path(sys.executable).with_name("docker-compose")
ROLES = ("ingest", "learn", "serve")


@pytest.fixture(scope="module")
def services():
    command = [str(COMPOSE), "-f", str(FILE), "config", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["services"]


def test_every_service_is_limited_restarted_and_bounded_in_its_logs(services):
    for name, service in services.items():
        assert int(service["mem_limit"]) > 0, name
        assert service["restart"] == "unless-stopped", name
        assert service["logging"]["options"]["max-size"], name


def test_nothing_listens_beyond_this_machine(services):
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert published and all(port["host_ip"] == "127.0.0.1" for port in published)


def test_the_roles_run_without_rights_on_a_root_that_is_read_only(services):
    for role in ROLES:
        service = services[role]
        assert service["read_only"] and service["cap_drop"] == ["ALL"] and service["tmpfs"]
        assert service["image"] == f"tidemill-{role}:{VERSION}" and service["build"]["target"] == role


def test_what_a_role_needs_is_well_before_it_starts(services):
    assert services["ingest"]["depends_on"].keys() == {"kafka", "redis"}
    for needed in services["ingest"]["depends_on"].values():
        assert needed["condition"] == "service_healthy"
    assert services["redis"]["healthcheck"] and services["kafka"]["healthcheck"]
    assert "noeviction" in services["redis"]["command"]


def test_what_watches_is_pinned_has_no_rights_and_is_given_its_files_to_read_alone(services):
    for name in ("prometheus", "alertmanager", "grafana"):
        service = services[name]
        assert service["read_only"] and service["cap_drop"] == ["ALL"], name
        assert service["image"].count(":") == 1 and not service["image"].endswith(":latest"), name
        assert service["healthcheck"]["test"], name
        for volume in service["volumes"]:
            if volume["type"] == "bind":
                assert volume["read_only"] and Path(volume["source"]).exists(), volume["source"]


def test_no_role_waits_for_what_watches_and_the_other_way_round(services):
    watchers = {"prometheus", "alertmanager", "grafana"}
    for name, service in services.items():
        needed = set(service.get("depends_on", {}))
        assert needed <= watchers if name in watchers else not needed & watchers, name


def test_prometheus_scrapes_the_ports_that_the_roles_have(services):
    scraped = yaml.safe_load((FILE.parent / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))[
        "scrape_configs"
    ]
    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in scraped}
    defaults = Config()
    assert targets["ingest"] == [f"ingest:{defaults.ingest.port}"]
    assert targets["learn"] == [f"learn:{defaults.learn.port}"]
    assert targets["serve"] == [f"serve:{defaults.http.port}"]
    assert all(target.split(":")[0] in services for job in ROLES for target in targets[job])


def test_grafana_is_provisioned_with_this_prometheus(services):
    folder = FILE.parent / "grafana" / "provisioning"
    [source] = [
        one
        for one in yaml.safe_load((folder / "datasources" / "prometheus.yaml").read_text(encoding="utf-8"))[
            "datasources"
        ]
        if one["uid"] == "prometheus"
    ]
    assert source["url"] == "http://prometheus:9090" and source["type"] == "prometheus"
    [provider] = yaml.safe_load((folder / "dashboards" / "tidemill.yaml").read_text(encoding="utf-8"))["providers"]
    assert provider["options"]["path"] in {volume["target"] for volume in services["grafana"]["volumes"]}
