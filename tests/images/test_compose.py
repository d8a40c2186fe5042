"""The compose file as Docker Compose itself reads it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

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
