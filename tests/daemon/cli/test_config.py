"""`tidemill config`."""

import tomllib

SECRETS = ["--set", "redis.url=redis://u:hunter2@h:1/0", "--set", "kafka.sasl_password=hunter2"]


def test_each_value_has_its_origin(run, monkeypatch):
    monkeypatch.setenv("TIDEMILL_JOB", "birds")
    shown = run("config", "--json", "--set", "image.size=32").json
    assert shown["job"] == {"value": "birds", "origin": "environment TIDEMILL_JOB"}
    assert shown["image.size"] == {"value": 32, "origin": "flag"}
    assert shown["kafka.topics"] == {"value": ["images"], "origin": "default"}


def test_the_table_shows_the_same(run):
    lines = run("config", "--set", "kafka.topics=a,b").out.splitlines()
    assert any(line.split() == ["kafka.topics", "a,b", "flag"] for line in lines)


def test_secrets_are_masked_in_every_form(run):
    for form in ([], ["--json"], ["--toml"]):
        ran = run("config", *form, *SECRETS)
        assert "hunter2" not in ran.out + ran.err
        assert "***" in ran.out


def test_the_toml_can_be_read_again(run, tmp_path):
    file = tmp_path / "again.toml"
    file.write_text(run("config", "--toml", "--set", "round.samples=77").out)
    assert tomllib.loads(file.read_text())["round"]["samples"] == 77
    assert run("config", "--config", str(file), "--json").json["round.samples"]["value"] == 77


def test_every_key_is_described(run):
    keys = run("config", "--keys", "--json").json
    assert {"kafka.topics", "learn.device", "run.port"} <= {one["key"] for one in keys}
    assert all(one["meaning"] and one["right"] for one in keys)
    assert "kafka.topics" in run("config", "--keys").out
