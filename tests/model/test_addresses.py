"""What of an address may be shown: where it leads, never who is let in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.addresses import shown_address

SECRET = "S3CR3T"
NASTY = st.text("/?#@:&=%[]\\ \"'+;,.$a1é\t", min_size=0, max_size=6)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("redis://h:6379/0", "redis://h:6379/0"),
        ("redis://h", "redis://h"),
        ("rediss://[::1]:1/12", "rediss://[::1]:1/12"),
        ("redis://u:pw@h:1/0", "redis://***@h:1/0"),
        ("redis://u:p@w@h:1/0", "redis://***@h:1/0"),
        ("redis://h:1/0?client_name=a", "redis://h:1/0?***"),
        ("redis://u:12/34@h:1/0", "redis://***"),
        ("redis://u:12?34@h:1/0", "redis://***"),
        ("redis://u:12#34@h:1/0", "redis://***"),
        ("redis://u:pw@12/34@h:1/0", "redis://***"),
        ("redis://h:1/first", "redis://h:1/***"),
        ("redis://h:1/123456789", "redis://h:1/***"),
        ("redis://h:99999/0", "redis://***"),
        ("unix:///run/redis.sock?db=0&password=pw", "unix:///run/redis.sock?***"),
        ("unix://u:pw@/run/redis.sock", "unix://***@/run/redis.sock"),
        ("unix://u:p/w@/run/redis.sock", "unix://***"),
        ("http://models:8080", "http://models:8080"),
        ("https://u:pw@models/a/b?token=x", "https://***@models/…?***"),
        ("{'password': 'pw'}", "***"),
        ("pw", "***"),
        ("", "***"),
    ],
)
def test_what_is_shown(address, shown):
    assert shown_address(address) == shown


@given(before=NASTY, after=NASTY, scheme=st.sampled_from(["redis", "rediss", "unix", "http", "https"]))
def test_no_password_is_shown_whatever_characters_it_has(before, after, scheme):
    secret = f"{before}{SECRET}{after}"
    place = "/run/redis.sock" if scheme == "unix" else "h:6379/0"
    for user in ("", "u:", ":"):
        assert SECRET not in shown_address(f"{scheme}://{user}{secret}@{place}")
    for name in ("password", "ssl_password", "token", "x"):
        assert SECRET not in shown_address(f"{scheme}://{place}?db=0&{name}={secret}")
        assert SECRET not in shown_address(f"{scheme}://{place}?{name}={secret}&db=0")
