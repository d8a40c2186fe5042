"""What others put into the environment is no setting, and a misspelt setting is never taken for theirs."""

import pytest

from daemon.config import Config, ConfigError, load
from daemon.config.keys import all_keys

HOST = "10.96.0.12"


def service(name: str, host: str = HOST, port: int = 8080, protocol: str = "tcp", named: str = "HTTP") -> dict:
    """What a pod is given for a Service, by Kubernetes' documentation of its environment variables."""
    own = name.upper().replace("-", "_")
    url = f"{protocol}://{f'[{host}]' if ':' in host else host}:{port}"
    place = f"{own}_PORT_{port}_{protocol.upper()}"
    return {
        f"{own}_SERVICE_HOST": host,
        f"{own}_SERVICE_PORT": str(port),
        f"{own}_SERVICE_PORT_{named}": str(port),
        f"{own}_PORT": url,
        place: url,
        f"{place}_PROTO": protocol,
        f"{place}_PORT": str(port),
        f"{place}_ADDR": host,
    }


def refused(environ: dict) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        load(environ=environ)
    return {problem.key: str(problem) for problem in caught.value.problems}


@pytest.mark.parametrize("name", ["tidemill", "tidemill-learn", "tidemill-http", "tidemill-redis", "tidemill-a-2b"])
@pytest.mark.parametrize(
    "more",
    [{}, {"host": "fd00:10::1f"}, {"port": 80, "named": "METRICS_2"}, {"protocol": "udp", "port": 53}],
    ids=["plain", "ipv6", "named", "udp"],
)
def test_a_service_of_kubernetes_is_no_setting(name, more):
    assert load(environ=service(name, **more)).config == Config()


def test_several_services_stand_beside_settings():
    environ = service("tidemill") | service("tidemill-learn", port=8082) | {"TIDEMILL_LEARN__PORT": "9000"}
    assert load(environ=environ).config.learn.port == 9000


def test_a_link_of_docker_is_no_setting():
    environ = {
        "TIDEMILL_NAME": "/web/tidemill",
        "TIDEMILL_ENV_PATH": "/usr/bin",
        "TIDEMILL_ENV_REDIS_URL": "anything",
        "TIDEMILL_PORT": "tcp://172.17.0.5:8080",
        "TIDEMILL_PORT_8080_TCP_START": "tcp://172.17.0.5:8080",
        "TIDEMILL_PORT_8080_TCP_PORT_END": "8081",
    }
    assert load(environ=environ).config == Config()


def test_the_version_of_an_image_is_no_setting():
    assert load(environ={"TIDEMILL_VERSION": "0.2.0"}).config == Config()


@pytest.mark.parametrize(
    ("variable", "value", "meant"),
    [
        ("TIDEMILL_KAFKA__TOPIC", "images", "TIDEMILL_KAFKA__TOPICS"),
        ("TIDEMILL_KAFKA_TOPICS", "images", "TIDEMILL_KAFKA__TOPICS"),
        ("TIDEMILL_HTTP_PORT", "8080", "TIDEMILL_HTTP__PORT"),
        ("TIDEMILL_LEARN_PORT", "8082", "TIDEMILL_LEARN__PORT"),
        ("TIDEMILL_PORT", "8080", ""),
        ("TIDEMILL_PORT", "tcp://10.96.0.12:99999", ""),
        ("TIDEMILL_PORT", "tcp://:8080", ""),
        ("TIDEMILL_PORT", "http://10.96.0.12:8080", ""),
        ("TIDEMILL_SERVICE_HOST", "learner.example", ""),
        ("TIDEMILL_SERVICE_PORT", "0", ""),
        ("TIDEMILL_SERVICE_PORT", "http", ""),
        ("TIDEMILL_PORT_80_TCP_PROTO", "http", ""),
        ("TIDEMILL_MODEL_NAME", "default", "TIDEMILL_MODEL__NAME"),
        ("TIDEMILL_MODEL_NAME", "/models/default", "TIDEMILL_MODEL__NAME"),
        ("TIDEMILL_ENV_PATH", "/usr/bin", ""),
        ("TIDEMILL_VERSIONS", "0.2.0", ""),
        ("TIDEMILL_REDIS_URL", "redis://h/0", "TIDEMILL_REDIS__URL"),
    ],
)
def test_what_is_not_certain_to_be_theirs_is_refused(variable, value, meant):
    text = refused({variable: value})[variable]
    assert "no such key" in text
    assert meant in text


def test_no_key_of_ours_has_the_shape_of_theirs():
    for key in all_keys().values():
        environ = service("tidemill") | {key.environment_name: "tcp://10.96.0.12:8080"}
        try:
            given = load(environ=environ).origins[key.name]
        except ConfigError as error:
            given = "".join(problem.origin for problem in error.problems)
        assert key.environment_name in given, f"{key.name} was left unread"
