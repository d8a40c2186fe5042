"""The order of sources, what is refused and how, and that no secret is ever shown."""

import json
from pathlib import Path

import pytest

from daemon.config import Config, ConfigError, load

NOTHING: dict[str, str] = {}


def problems_of(**given) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        load(**{"environ": NOTHING, **given})
    return {problem.key: str(problem) for problem in caught.value.problems}


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "tidemill.toml"
    file.write_text(text)
    return file


def test_without_sources_it_is_the_defaults():
    loaded = load(environ=NOTHING)
    assert loaded.config == Config()
    assert set(loaded.origins.values()) == {"default"}


def test_defaults_are_those_of_the_contract():
    config = Config()
    assert config.job == "default"
    assert config.kafka.bootstrap_servers == "localhost:9092"
    assert config.kafka.topics == ("images",)
    assert config.redis.url.get_secret_value() == "redis://localhost:6379/0"
    assert (config.image.size, config.image.max_bytes, config.image.max_pixels) == (64, 10_000_000, 50_000_000)
    assert (config.model.name, config.model.architecture) == ("default", "resnet18")
    assert (config.model.initial_weights, config.model.classes) == ("", ())
    assert (config.round.samples, config.round.min_samples, config.round.max_wait_s) == (512, 32, 60)
    assert (config.store.bytes_max, config.store.holdout_fraction) == (10_000_000_000, 0.05)
    assert (str(config.paths.state), str(config.paths.repository)) == ("state", "models")
    assert (config.http.host, config.http.port) == ("127.0.0.1", 8080)
    assert (config.ingest.port, config.learn.port, config.learn.device) == (8081, 8082, "auto")


def test_flags_beat_environment_beats_file_beats_defaults(tmp_path):
    file = write(tmp_path, "[round]\nsamples = 100\nmin_samples = 10\nmax_wait_s = 7\n")
    environ = {"TIDEMILL_ROUND__SAMPLES": "200", "TIDEMILL_ROUND__MIN_SAMPLES": "20"}
    loaded = load(file=file, environ=environ, sets=["round.samples=300"])
    one = loaded.config.round
    assert (one.samples, one.min_samples, one.max_wait_s, one.passes) == (300, 20, 7.0, 1)
    assert loaded.origins["round.samples"] == "flag"
    assert loaded.origins["round.min_samples"] == "environment TIDEMILL_ROUND__MIN_SAMPLES"
    assert loaded.origins["round.max_wait_s"] == f"file {file}"
    assert loaded.origins["round.passes"] == "default"


def test_of_one_key_set_twice_the_last_counts():
    assert load(environ=NOTHING, sets=["job=a", "job=b"]).config.job == "b"


@pytest.mark.parametrize("text", ["images,other", "images, other", '["images", "other"]'])
def test_lists_are_read_with_commas_and_as_json(text):
    assert load(environ={"TIDEMILL_KAFKA__TOPICS": text}).config.kafka.topics == ("images", "other")
    assert load(environ=NOTHING, sets=[f"kafka.topics={text}"]).config.kafka.topics == ("images", "other")


def test_a_class_may_hold_a_comma_in_json():
    assert load(environ=NOTHING, sets=['model.classes=["a,b", "c"]']).config.model.classes == ("a,b", "c")


def test_classes_are_spelt_as_labels_are():
    given = ["cafe\u0301", " red\u00a0fox "]
    assert load(environ=NOTHING, sets=[f"model.classes={json.dumps(given)}"]).config.model.classes == (
        "café",
        "red fox",
    )


def test_a_class_that_no_label_can_be_is_told_with_the_character():
    found = problems_of(sets=["model.classes=cat,dog\u200b"])
    assert "U+200B ZERO WIDTH SPACE" in found["model.classes"]
    assert set(problems_of(sets=["model.classes=caf\u00e9,cafe\u0301"])) == {"model.classes"}


def test_an_empty_list_is_empty():
    assert load(environ={"TIDEMILL_MODEL__CLASSES": ""}).config.model.classes == ()


@pytest.mark.parametrize(("text", "value"), [("true", True), ("0", False), ("no", False), ("ON", True)])
def test_switches_are_read_as_people_write_them(text, value):
    assert load(environ=NOTHING, sets=[f"learning.flip={text}"]).config.learning.flip is value


def test_numbers_may_have_underscores():
    assert load(environ=NOTHING, sets=["store.bytes_max=2_000_000_000"]).config.store.bytes_max == 2_000_000_000


def test_a_value_may_hold_an_equals_sign():
    url = "redis://h:1/0?client_name=b"
    assert load(environ=NOTHING, sets=[f"redis.url={url}"]).config.redis.url.get_secret_value() == url


def test_other_variables_are_none_of_ours():
    assert load(environ={"PATH": "/bin", "TIDE": "x"}).config == Config()


@pytest.mark.parametrize(
    ("setting", "right"),
    [
        ("round.samples=many", "a whole number at least 1"),
        ("round.samples=0", "a whole number at least 1"),
        ("image.size=3.5", "a whole number at least 8 and at most 1024"),
        ("http.port=65536", "at most 65535"),
        ("learn.device=gpu", "cuda:1"),
        ("learning.flip=maybe", "true or false"),
        ("gate.when_uncertain=perhaps", "one of publish, hold"),
        ("kafka.topics=", "one name or more"),
        ("kafka.topics=a b", "one name or more"),
        ("kafka.topics=[1]", "one name or more"),
        ('kafka.topics=["a', "one name or more"),
        ("kafka.bootstrap_servers=broker", "host:port"),
        ("model.name=../etc", "beginning with a letter"),
        ("model.architecture=os.system(1)", "torchvision"),
        ("redis.url=http://h", "redis://"),
        ("redis.url=redis://h:1/first", "redis://"),
        ("redis.url=redis://h:1/0?db=x", "redis://"),
        ("redis.url=redis://h:x/0", "redis://"),
        ("round.max_wait_s=inf", "above 0"),
        ("store.holdout_fraction=nan", "at most 0.5"),
    ],
)
def test_an_impossible_value_is_told_with_what_is_right(setting, right):
    key = setting.partition("=")[0]
    line = problems_of(sets=[setting])[key]
    assert right in line
    assert "flag" in line


def test_a_wrong_type_in_the_file_is_refused_though_its_text_would_do(tmp_path):
    file = write(tmp_path, '[round]\nsamples = "512"\n[learning]\nflip = 1\n[kafka]\ntopics = "images"\n')
    found = problems_of(file=file)
    assert set(found) == {"round.samples", "learning.flip", "kafka.topics"}
    assert f"file {file}" in found["round.samples"]


@pytest.mark.parametrize(
    ("sets", "key"),
    [
        (["round.samples=10", "round.min_samples=20"], "round.min_samples"),
        (["round.steps_min=900", "round.steps_max=800"], "round.steps_min"),
        (["store.waiting_max=9"], "store.waiting_max"),
        (["kafka.topics=a,a"], "kafka.topics"),
        (["kafka.topics=a,a.dlq"], "kafka.topics"),
        (["kafka.announce_topic=images"], "kafka.announce_topic"),
        (["model.classes=a"], "model.classes"),
        (["model.classes=a,b,a"], "model.classes"),
        (["model.classes=a,b,c", "model.classes_max=2"], "model.classes_max"),
        ([f"model.classes=a,{'b' * 201}"], "model.classes"),
        (["kafka.security_protocol=SASL_SSL", "kafka.sasl_username=u"], "kafka.sasl_mechanism"),
        (["kafka.security_protocol=SASL_SSL", "kafka.sasl_mechanism=PLAIN"], "kafka.sasl_username"),
        (["kafka.sasl_mechanism=PLAIN"], "kafka.security_protocol"),
        (["buffer.bytes_max=1000"], "buffer.bytes_max"),
        (["store.bytes_max=1000"], "store.bytes_max"),
    ],
)
def test_values_that_contradict_each_other_are_refused(sets, key):
    assert set(problems_of(sets=sets)) == {key}


def test_everything_wrong_is_told_at_once(tmp_path):
    file = write(tmp_path, "[image]\nsize = 4\n[kafka]\ntopcis = []\n")
    found = problems_of(
        file=file,
        environ={"TIDEMILL_HTTP__PORT": "x", "TIDEMILL_NONSENSE": "1"},
        sets=["round.steps_min=5000", "learn.device=gpu", "flub"],
    )
    assert set(found) == {
        "image.size",
        "kafka.topcis",
        "http.port",
        "TIDEMILL_NONSENSE",
        "round.steps_min",
        "learn.device",
        "--set",
    }


@pytest.mark.parametrize(
    ("given", "key", "meant"),
    [
        ({"sets": ["kafka.topic=x"]}, "kafka.topic", "kafka.topics"),
        ({"sets": ["samples=3"]}, "samples", "round.samples"),
        ({"environ": {"TIDEMILL_KAFKA_TOPICS": "x"}}, "TIDEMILL_KAFKA_TOPICS", "TIDEMILL_KAFKA__TOPICS"),
        ({"environ": {"TIDEMILL_HTTP__PROT": "1"}}, "TIDEMILL_HTTP__PROT", "TIDEMILL_HTTP__PORT"),
    ],
)
def test_an_unknown_key_is_told_with_the_one_that_was_meant(given, key, meant):
    assert f"did you mean {meant}?" in problems_of(**given)[key]


def test_an_unknown_section_and_a_section_that_is_none_are_told(tmp_path):
    found = problems_of(file=write(tmp_path, "kafka = 3\n[nonsense]\na = 1\n"))
    assert "[kafka]" in found["kafka"]
    assert "no such key" in found["nonsense.a"]


def test_a_file_that_is_missing_or_no_toml_is_told(tmp_path):
    assert "can be read" in problems_of(file=tmp_path / "none.toml")["--config"]
    assert "TOML" in problems_of(file=write(tmp_path, "a ="))["--config"]


def test_a_secret_comes_from_a_file(tmp_path):
    (tmp_path / "token").write_text("sesame-oil\n")
    loaded = load(environ={"TIDEMILL_HTTP__ROLLBACK_TOKEN_FILE": str(tmp_path / "token")})
    assert loaded.config.http.rollback_token.get_secret_value() == "sesame-oil"
    assert loaded.origins["http.rollback_token"] == "environment TIDEMILL_HTTP__ROLLBACK_TOKEN_FILE"


def test_a_secret_given_twice_or_from_a_missing_file_is_refused(tmp_path):
    name = "TIDEMILL_HTTP__ROLLBACK_TOKEN_FILE"
    assert "can be read" in problems_of(environ={name: str(tmp_path / "none")})[name]
    both = {name: str(tmp_path), "TIDEMILL_HTTP__ROLLBACK_TOKEN": "hunter2"}
    assert "only one of" in problems_of(environ=both)[name]


def test_only_secrets_come_from_files():
    assert "no such key" in problems_of(environ={"TIDEMILL_KAFKA__TOPICS_FILE": "x"})["TIDEMILL_KAFKA__TOPICS_FILE"]


@pytest.mark.parametrize(
    "given",
    [
        {"sets": ["kafka.sasl_pasword=hunter2"]},
        {"environ": {"TIDEMILL_KAFKA_SASL_PASSWORD": "hunter2"}},
        {"environ": {"TIDEMILL_MY_API_KEY": "hunter2"}},
        {"sets": ["redis.url=http://u:hunter2@h"]},
        {"sets": ["redis.url=redis://u:hunter2@h:port/0"]},
        {"sets": ["redis.uri=redis://u:hunter2@h:1/0"]},
        {"sets": ["http.rollback_token hunter2"]},
    ],
)
def test_no_problem_tells_a_secret(given):
    assert "hunter2" not in " ".join(problems_of(**given).values())


def test_the_tree_tells_no_secret():
    config = load(environ=NOTHING, sets=["redis.url=redis://u:hunter2@h:1/0", "kafka.sasl_password=hunter2"]).config
    assert "hunter2" not in repr(config) + str(config) + config.model_dump_json()
    assert config.redis.masked_url == "redis://***@h:1/0"


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("redis://h:1/0", "redis://h:1/0"),
        ("redis://:pw@h:1/0", "redis://***@h:1/0"),
        ("redis://u:p@w@h:1/0", "redis://***@h:1/0"),
        ("unix:///run/redis.sock?db=0&password=pw", "unix:///run/redis.sock?***"),
    ],
)
def test_the_password_in_the_address_is_masked(url, masked):
    assert load(environ=NOTHING, sets=[f"redis.url={url}"]).config.redis.masked_url == masked


def test_the_tree_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        Config().kafka.group = "x"  # type: ignore[misc]


def test_the_group_follows_the_job():
    assert load(environ=NOTHING, sets=["job=birds"]).config.group == "tidemill-birds"
    assert load(environ=NOTHING, sets=["kafka.group=mine"]).config.group == "mine"


def test_nothing_is_read_from_outside_but_what_is_given(monkeypatch):
    monkeypatch.setenv("TIDEMILL_JOB", "birds")
    assert Config().job == "default"
    assert load(environ=NOTHING).config.job == "default"
    assert load().config.job == "birds"
