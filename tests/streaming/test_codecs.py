"""Every frame that a producer may write is read; none becomes larger than it may; what is wrong is said in one line."""

import gzip
import os
import sys
import tracemalloc

import cramjam
import kafka.codec
import lz4.frame
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from kafka import errors
from kafka.record import MemoryRecords, MemoryRecordsBuilder, default_records, legacy_records

from streaming import codecs
from streaming.codecs import DamagedBatchError, MissingCodecError, Unpacker, UnpackError, UnpackLimitError
from tests.support.client_codecs import client_restored

LIMIT = 1_000_000
DATA = os.urandom(200_000) + b"x" * 300_000
UNPACKER = Unpacker(LIMIT)


def xerial(data, block_bytes=32_768, magic=b"\x82SNAPPY\0\0\0\0\1\0\0\0\1"):
    blocks = [cramjam.snappy.compress_raw(data[at : at + block_bytes]) for at in range(0, len(data), block_bytes)]
    return magic + b"".join(len(block).to_bytes(4, "big") + bytes(block) for block in blocks)


def raw_snappy(data):
    return bytes(cramjam.snappy.compress_raw(data))


def zstd(data, **parameters):
    settings = zstandard.ZstdCompressionParameters(compression_level=3, write_content_size=False, **parameters)
    return zstandard.ZstdCompressor(compression_params=settings).compress(data)


FRAMES = {
    "gzip": ("gzip", gzip.compress),
    "gzip, two members and padding": (
        "gzip",
        lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:]) + bytes(8),
    ),
    "lz4": ("lz4", lz4.frame.compress),
    "lz4 as Java writes it": ("lz4", lambda data: lz4.frame.compress(data, block_linked=False, store_size=False)),
    "lz4 with every checksum": (
        "lz4",
        lambda data: lz4.frame.compress(data, content_checksum=True, block_checksum=True, store_size=True),
    ),
    "lz4, two frames": ("lz4", lambda data: lz4.frame.compress(data[:9]) + lz4.frame.compress(data[9:])),
    "snappy": ("snappy", raw_snappy),
    "snappy of xerial": ("snappy", xerial),
    "snappy of xerial, little-endian version": (
        "snappy",
        lambda data: xerial(data, magic=b"\x82SNAPPY\0\1\0\0\0\1\0\0\0"),
    ),
    "zstd without the content's size": ("zstd", zstd),
    "zstd with it": ("zstd", zstandard.ZstdCompressor().compress),
    "zstd, two frames": ("zstd", lambda data: zstd(data[:9]) + zstd(data[9:])),
    "zstd, a long window": ("zstd", lambda data: zstd(data, window_log=27, enable_ldm=True)),
    "zstd, with a checksum": ("zstd", lambda data: zstd(data, write_checksum=True)),
}


@pytest.mark.parametrize("frame", FRAMES)
def test_what_producers_write_is_read(frame):
    codec, pack = FRAMES[frame]
    unpack = getattr(UNPACKER, codec)
    for data in (DATA, DATA[:10], b"a" * 50):
        assert unpack(pack(data)) == data
        assert unpack(memoryview(pack(data))) == data


@pytest.mark.parametrize("frame", FRAMES)
def test_beyond_the_limit_nothing_is_held(frame):
    codec, pack = FRAMES[frame]
    packed = pack(bytes(40_000_000))
    small = Unpacker(200_000)
    limit = max(200_000, 2 * len(packed))
    tracemalloc.start()
    with pytest.raises(UnpackLimitError, match=f"of {codec} unpacks to more than {limit} bytes") as caught:
        getattr(small, codec)(packed)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * limit + 2 * len(packed) + 300_000
    assert (caught.value.codec, caught.value.packed, caught.value.limit) == (codec, len(packed), limit)


@pytest.mark.parametrize("frame", FRAMES)
def test_up_to_the_limit_all_is_read_and_a_byte_more_is_not(frame):
    codec, pack = FRAMES[frame]
    packed, more = pack(bytes(LIMIT)), pack(bytes(LIMIT + 1))
    assert getattr(UNPACKER, codec)(packed) == bytes(LIMIT)
    with pytest.raises(UnpackLimitError):
        getattr(UNPACKER, codec)(more)


def test_what_hardly_shrinks_has_no_limit():
    data = os.urandom(3_000_000)
    assert UNPACKER.gzip(gzip.compress(data)) == data


@pytest.mark.parametrize("frame", FRAMES)
@given(where=st.floats(0, 1), cut=st.booleans(), byte=st.binary(min_size=1, max_size=4))
def test_damage_is_said_and_never_another_error(frame, where, cut, byte):
    codec, pack = FRAMES[frame]
    packed = pack(DATA[:3_000])
    at = int(where * (len(packed) - 1))
    damaged = packed[:at] + (b"" if cut else byte + packed[at + len(byte) :])
    try:
        unpacked = getattr(UNPACKER, codec)(damaged)
    except UnpackError:
        return
    assert len(unpacked) <= LIMIT  # codecs without a checksum of their own: the batch's has told by then


def test_a_snappy_block_that_claims_gigabytes_reserves_nothing():
    with pytest.raises(UnpackLimitError):
        UNPACKER.snappy(b"\xff\xff\xff\xff\x0f" + b"\0" * 20)


@pytest.mark.parametrize("codec", ["snappy", "lz4", "zstd"])
def test_a_codec_that_is_missing_is_named_with_its_package(codec, monkeypatch):
    assert codecs.missing_codecs() == {}
    module = codecs._CODECS[codec].module
    monkeypatch.setitem(sys.modules, module, None)
    package = codecs._CODECS[codec].package
    assert codecs.missing_codecs() == {codec: package}
    with pytest.raises(MissingCodecError, match=f"compressed with {codec}: install the Python package {package}"):
        getattr(UNPACKER, codec)(b"anything at all")
    assert issubclass(MissingCodecError, errors.UnsupportedCodecError)


@pytest.fixture
def installed():
    """The client as it is installed, and as it was afterwards."""
    with client_restored():
        codecs.install(LIMIT)
        yield


@pytest.mark.parametrize("magic", [0, 1, 2])
@pytest.mark.parametrize("codec", [1, 2, 3, 4])
def test_kafka_pythons_batches_of_every_format_are_read(installed, magic, codec, monkeypatch):
    if magic < 2 and codec == 4:
        pytest.skip("zstd came with the newest format")
    if magic == 0 and codec == 3:
        pytest.skip("lz4 of Kafka 0.8: the next test")
    for module in (default_records, legacy_records):
        monkeypatch.setattr(module, "snappy_encode", xerial)
    builder = MemoryRecordsBuilder(magic, codec, 1_000_000)
    for number in range(5):
        builder.append(timestamp=1, key=None, value=bytes([number]) * 5_000, headers=[])
    builder.close()
    batch = MemoryRecords(builder.buffer()).next_batch()
    assert batch.compression_type == codec
    assert [record.value for record in batch] == [bytes([number]) * 5_000 for number in range(5)]


def test_lz4_of_kafka_0_8_says_what_it_needs(monkeypatch):
    monkeypatch.setattr(kafka.codec, "xxhash", None)
    with pytest.raises(MissingCodecError, match="install the Python package xxhash"):
        UNPACKER.lz4_of_0_8(lz4.frame.compress(b"abc"))


def test_a_limit_is_positive():
    with pytest.raises(ValueError, match="positive"):
        Unpacker(0)


def test_a_damaged_batch_says_its_codec():
    with pytest.raises(DamagedBatchError, match="a batch of 13 bytes of gzip is damaged"):
        UNPACKER.gzip(b"no gzip at al")


def batch_of(headers, value=b"x"):
    """A gzip batch of one record."""
    builder = MemoryRecordsBuilder(2, 1, 100_000_000)
    builder.append(timestamp=1, key=b"k", value=value, headers=headers)
    builder.close()
    return MemoryRecords(builder.buffer()).next_batch()


def test_headers_in_great_number_become_no_objects(installed, monkeypatch):
    monkeypatch.setattr(codecs, "HEADERS_MAX", 1_000)
    few, many = [("name", b"value" * 20)] * 1_000, [("", None)] * 40_000
    (record,) = batch_of(few)
    assert record.headers == few
    with pytest.raises(codecs.HeaderLimitError, match=r"a batch of gzip holds a record of .* with 40000 headers"):
        next(iter(batch_of(many)))
    (record,) = batch_of([], value=bytes(500_000))
    assert len(record.value) == 500_000


def test_many_small_records_are_walked_over_quickly_and_come_one_by_one(installed):
    builder = MemoryRecordsBuilder(2, 1, 100_000_000)
    for number in range(3_000):
        builder.append(timestamp=1, key=None, value=str(number).encode(), headers=[])
    builder.close()
    batch = MemoryRecords(builder.buffer()).next_batch()
    assert [int(record.value) for record in batch] == list(range(3_000))


@pytest.mark.parametrize("content", [b"\x03", b"\xff" * 12, b"\x00\x00", b"\x80"])
def test_records_that_are_none_are_the_batchs_fault(installed, content):
    batch = batch_of([])
    packed = gzip.compress(content)
    batch._buffer = batch._buffer[: batch._pos] + packed
    with pytest.raises(errors.KafkaError):
        list(batch)
