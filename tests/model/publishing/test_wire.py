"""The wire format as protobuf writes it; damage is an error, never a loop or a wrong answer."""

import contextlib

import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.publishing import onnx_file, wire
from model.publishing.errors import BrokenRepositoryError


@given(st.integers(0, 2**64 - 1))
def test_numbers_round_trip(number):
    data = wire.encode_varint(number)
    assert wire.read_varint(data, 0, len(data)) == (number, len(data))


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=40), max_size=4))
def test_metadata_is_read_as_onnx_writes_it(pairs):
    model = onnx.ModelProto(ir_version=10, producer_name="p")
    model.graph.name = "g"
    for key, value in pairs.items():
        model.metadata_props.add(key=key, value=value)
    assert onnx_file.metadata(model.SerializeToString()) == pairs


@given(st.lists(st.integers(0, 2**40), max_size=4), st.text(min_size=1, max_size=8), st.binary(max_size=50))
def test_initialisers_are_found_as_onnx_writes_them(dims, name, raw):
    model = onnx.ModelProto(ir_version=10)
    model.graph.initializer.add(dims=dims, name=name, data_type=1, raw_data=raw)
    data = model.SerializeToString()
    [place] = onnx_file.initialisers(data)
    assert (place.name, place.data_type, place.dims) == (name, 1, tuple(dims))
    assert data[place.start : place.end] == raw


@given(st.binary(max_size=200))
def test_any_bytes_end_in_an_answer_or_the_one_error(data):
    with contextlib.suppress(BrokenRepositoryError):
        onnx_file.metadata(data)


@pytest.mark.parametrize("data", [b"\x80", b"\x0a\x05abc", b"\x0b", b"\x00\x00", b"\x0a" + b"\xff" * 10 + b"\x01"])
def test_damage_is_an_error(data):
    with pytest.raises(BrokenRepositoryError, match="not a protobuf message"):
        list(wire.fields(data, 0, len(data)))
