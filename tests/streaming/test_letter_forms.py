"""What a dead letter sheds to fit, and what it says of it."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.letter_forms import KEPT_BYTES, forms, packed

OURS = (("__connect.errors.exception.message", b"m" * 900), ("tidemill.reason", b"empty"))
LABEL = ("ce_label", b"cat")


def sha256(data):
    return hashlib.sha256(data).hexdigest().encode()


def test_a_letter_first_goes_as_it_came_and_then_without_its_value():
    whole, without, *_ = forms(b"k", b"value", [LABEL], OURS)
    assert (whole.key, whole.value, whole.headers) == (b"k", b"value", (LABEL, *OURS))
    said = dict(without.headers)
    assert (without.key, without.value, without.headers[:1]) == (b"k", None, (LABEL,))
    assert (said["tidemill.value_bytes"], said["tidemill.value_sha256"]) == (b"5", sha256(b"value"))


def test_a_key_is_clipped_and_says_what_it_was():
    key = bytes(range(256)) * 40
    form = list(forms(key, None, [LABEL], OURS))[1]
    said = dict(form.headers)
    assert form.key == key[: KEPT_BYTES[1]]
    assert (said["tidemill.key_bytes"], said["tidemill.key_sha256"]) == (b"10240", sha256(key))
    assert "tidemill.value_bytes" not in said, "there was no value"
    assert "tidemill.headers_bytes" not in said, "they go whole"


def test_headers_that_say_what_it_is_stay_longest_and_those_left_out_are_told():
    theirs = [("trace", b"t" * 60_000), ("null", None), ("more", b"m" * 20_000), LABEL]
    form = next(one for one in forms(b"k", b"v", theirs, OURS) if "tidemill.headers_bytes" in dict(one.headers))
    said = dict(form.headers)
    assert form.headers[:3] == (theirs[0], theirs[1], LABEL)
    assert (form.key, said["tidemill.headers_count"]) == (b"k", b"4")
    assert said["tidemill.headers_bytes"] == str(len(packed(theirs))).encode()
    assert said["tidemill.headers_sha256"] == sha256(packed(theirs))
    assert json.loads(said["tidemill.headers_left_out"]) == {
        "count": 1,
        "first": [{"name": "more", "bytes": 20_000, "sha256": sha256(b"m" * 20_000).decode()}],
    }


def test_at_last_only_what_we_say_goes_and_in_the_end_a_part_of_that():
    *_, ours, least = forms(b"k" * 9_000, b"v", [("x" * 300, b"")] * 3_000, OURS)
    for form in (ours, least):
        said = dict(form.headers)
        assert (form.key, form.value) == (None, None)
        assert said["tidemill.reason"] == b"empty"
        assert {f"tidemill.{what}_sha256" for what in ("key", "value", "headers")} < said.keys()
    assert least.plain_bytes < ours.plain_bytes
    assert least.plain_bytes < 1_200


parts = st.one_of(st.none(), st.binary(max_size=3_000))
names = st.text(st.characters(blacklist_categories=["Cs"]), max_size=300)


@given(parts, parts, st.lists(st.tuples(names, parts), max_size=30))
def test_each_form_keeps_whole_headers_and_says_what_is_missing(key, value, theirs):
    sizes = []
    for form in forms(key, value, theirs, OURS):
        said = dict(form.headers)
        assert form.value == value or (form.value is None and said["tidemill.value_sha256"] == sha256(value))
        assert form.key == key or said["tidemill.key_sha256"] == sha256(key)
        assert key is None or key.startswith(form.key or b"")
        kept = list(form.headers[: [name for name, _ in form.headers].index(OURS[0][0])])
        left = iter(theirs)
        assert all(header in left for header in kept), "whole, and in their order"
        assert kept == theirs or said["tidemill.headers_sha256"] == sha256(packed(theirs))
        sizes.append(form.plain_bytes)
    assert min(sizes) == sizes[-1] <= 1_200


@pytest.mark.parametrize("compressible", [True, False])
def test_what_fits_is_judged_by_the_compressed_batch(compressible):
    import random

    value = bytes(100_000) if compressible else random.Random(0).randbytes(100_000)
    whole = next(forms(None, value, [], OURS))
    assert whole.fits(2_000) is compressible
    assert whole.fits(101_500)
    assert not whole.fits(100)
