import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming.entries import OFFSET_MAX, CorruptEntryError, from_fields, position_of, stream_id, to_fields
from streaming.records import Marker, Reason, Sample
from tests.support.entries import marker, sample

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
numbers = st.integers(0, OFFSET_MAX)
entries = st.one_of(
    st.builds(
        Sample, numbers, numbers, numbers, numbers, texts, texts, texts, st.integers(-(2**62), 2**62), st.binary()
    ),
    st.builds(Marker, numbers, numbers, numbers, numbers, st.sampled_from(Reason)),
)


def as_redis(entry):
    """Return the entry as redis-py would: everything in bytes."""
    items = [item if isinstance(item, bytes) else str(item).encode() for item in to_fields(entry)]
    return stream_id(entry.offset + 1).encode(), dict(zip(items[::2], items[1::2], strict=True))


@given(entries)
def test_an_entry_survives(entry):
    assert from_fields(*as_redis(entry)) == entry


@pytest.mark.parametrize("odd", [b"5", b"5-1", b"-1-0", b"05-0", b"5-0 ", b"", b"a-0", b"5-00"])
def test_an_id_that_no_ingestor_writes_is_refused(odd):
    with pytest.raises(CorruptEntryError):
        position_of(odd)


@pytest.mark.parametrize("name", [b"after", b"expired", b"at", b"time"])
@pytest.mark.parametrize(
    "value", [b"", b" 1", b"+1", b"1_0", b"01", b"1.0", "\N{ARABIC-INDIC DIGIT ONE}".encode(), b"99999999999999999999"]
)
def test_a_number_that_is_none_is_refused(name, value):
    entry_id, fields = as_redis(sample(3))
    with pytest.raises(CorruptEntryError):
        from_fields(entry_id, fields | {name: value})


@pytest.mark.parametrize("name", [b"after", b"expired", b"at", b"label", b"id", b"source", b"time", b"pixels"])
def test_a_sample_with_a_field_missing_is_refused(name):
    entry_id, fields = as_redis(sample(3))
    del fields[name]
    with pytest.raises(CorruptEntryError):
        from_fields(entry_id, fields)


def test_unknown_fields_reasons_and_texts_are_refused():
    entry_id, fields = as_redis(marker(3))
    with pytest.raises(CorruptEntryError, match="nonsense"):
        from_fields(entry_id, fields | {b"reason": b"nonsense"})
    with pytest.raises(CorruptEntryError, match="more"):
        from_fields(entry_id, fields | {b"more": b"1"})
    entry_id, fields = as_redis(sample(3))
    with pytest.raises(CorruptEntryError, match="utf-8"):
        from_fields(entry_id, fields | {b"label": b"\xff"})
