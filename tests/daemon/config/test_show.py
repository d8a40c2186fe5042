"""The effective configuration as it is shown."""

import tomllib

from daemon.config import load
from daemon.config.conflicts import port_conflicts
from daemon.config.keys import all_keys
from daemon.config.show import as_toml, settings

SECRETS = ["redis.url=redis://u:hunter2@h:1/0", "kafka.sasl_password=hunter2", "http.rollback_token=hunter2"]


def test_each_key_has_a_meaning_and_words_for_what_is_right():
    for key in all_keys().values():
        assert key.meaning.endswith("."), key.name
        assert key.right, key.name


def test_secrets_are_masked_and_the_address_still_tells_the_host():
    shown = {one.key: one.value for one in settings(load(environ={}, sets=SECRETS))}
    assert shown["redis.url"] == "redis://***@h:1/0"
    assert shown["kafka.sasl_password"] == shown["http.rollback_token"] == "***"
    assert settings(load(environ={}))[0].value == "default"


def test_the_toml_is_the_same_configuration_again_without_the_secrets(tmp_path):
    loaded = load(environ={}, sets=[*SECRETS, 'model.classes=["a\\"b", "ü"]', "round.samples=99", "paths.state=/a b"])
    text = as_toml(settings(loaded))
    assert "hunter2" not in text
    assert "round" in tomllib.loads(text)
    file = tmp_path / "again.toml"
    file.write_text(text)
    again = load(file=file, environ={}, sets=SECRETS).config
    assert again == loaded.config


def test_two_roles_of_one_machine_may_not_share_a_port():
    config = load(environ={}, sets=["learn.port=9000", "ingest.port=9000"]).config
    assert [one.key for one in port_conflicts(config)] == ["learn.port"]
    free = load(environ={}, sets=["learn.port=0", "ingest.port=0"]).config
    assert not list(port_conflicts(free))
