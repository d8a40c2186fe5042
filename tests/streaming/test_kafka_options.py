import pytest
from kafka import errors

from streaming.kafka_options import KafkaOptions, KafkaRefusedError, KafkaUnavailableError, translated

OPTIONS = KafkaOptions("one:9092, two:9092", sasl_password="hunter2")


def test_the_password_is_never_shown():
    assert "hunter2" not in repr(OPTIONS)
    assert OPTIONS.client()["sasl_plain_password"] == "hunter2"


def test_servers_are_split():
    assert OPTIONS.client()["bootstrap_servers"] == ["one:9092", "two:9092"]


@pytest.mark.parametrize(
    ("error", "setting"),
    [
        (errors.TopicAuthorizationFailedError("images"), "kafka.topics"),
        (errors.GroupAuthorizationFailedError("tidemill"), "kafka.group"),
        (errors.SaslAuthenticationFailedError("no"), "kafka.sasl_username"),
        (errors.InvalidSessionTimeoutError("the group's least is 6000"), "kafka.session_timeout_ms"),
    ],
)
def test_a_refusal_names_its_setting_and_cure(error, setting):
    with pytest.raises(KafkaRefusedError, match="one:9092") as caught, translated(OPTIONS):
        raise error
    assert caught.value.setting == setting
    assert caught.value.cure.endswith(".")


@pytest.mark.parametrize("error", [errors.KafkaTimeoutError("late"), errors.KafkaConnectionError(), OSError("dns")])
def test_what_may_pass_is_unavailable(error):
    with pytest.raises(KafkaUnavailableError, match="one:9092"), translated(OPTIONS):
        raise error


@pytest.mark.parametrize("error", [errors.IllegalStateError("ours"), TypeError("ours")])
def test_our_own_mistakes_pass_through(error):
    with pytest.raises(type(error)), translated(OPTIONS):
        raise error
