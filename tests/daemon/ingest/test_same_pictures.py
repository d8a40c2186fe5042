"""README's client and ingest have the same bytes of every kind of file, and they are what a person sees."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from daemon.ingest.pictures import RecordPictures
from model.pictures import ImageDecoder, Refusal, RefusedPicture
from streaming.decoder import Decoder
from streaming.records import Reason, Record, RejectedRecord
from tests.support.kinds import KINDS

SIZE = 32
INGEST = Decoder(RecordPictures(ImageDecoder(SIZE, 10_000_000, 50_000_000)))
README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
CLIENT = next(snippet for snippet in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "onnxruntime" in snippet)


@pytest.fixture
def client(tmp_path, monkeypatch):
    """Runs README's client on a file; returns what it gives the model."""
    given = []

    class Session:
        def __init__(self, path):
            assert path == "model.onnx"

        def get_modelmeta(self):
            return SimpleNamespace(custom_metadata_map={"tidemill.classes": '["cat"]'})

        def get_inputs(self):
            return [SimpleNamespace(shape=["batch", 3, SIZE, SIZE])]

        def run(self, _, inputs):
            given.append(inputs["image"])
            return [np.ones((1, 1), np.float32)]

    monkeypatch.setattr("onnxruntime.InferenceSession", Session)
    monkeypatch.chdir(tmp_path)

    def run(data):
        (tmp_path / "1.jpg").write_bytes(data)
        exec(compile(CLIENT, "README.md", "exec"), {})
        return given[-1]

    return run


def test_the_table_is_wide():
    assert len(KINDS) >= 80


@pytest.mark.parametrize("kind", KINDS)
def test_the_client_and_ingest_agree_to_the_bit(kind, client):
    make, colours = KINDS[kind]
    data = make()
    learnt = INGEST.decode(Record("images", 0, 0, 0, None, data, (("label", b"cat"),))).pixels
    seen = client(data)
    assert (seen.dtype, seen.shape) == (np.float32, (1, 3, SIZE, SIZE))
    pixels = np.frombuffer(learnt, np.uint8).reshape(SIZE, SIZE, 3)
    assert np.array_equal(seen[0].transpose(1, 2, 0), pixels.astype(np.float32) / np.float32(255))
    middles = [SIZE // 4, 3 * SIZE // 4]
    assert np.abs(pixels[middles][:, middles] - np.asarray(colours, float)).max() <= 10


def test_every_refusal_is_a_reason_of_a_dead_letter_with_the_same_message():
    class Refusing:
        max_bytes = 7

        def __init__(self, refusal):
            self.refusal = refusal

        def decode(self, data):
            raise RefusedPicture(self.refusal, "why")

    for refusal in Refusal:
        pictures = RecordPictures(Refusing(refusal))
        assert pictures.max_bytes == 7
        with pytest.raises(RejectedRecord, match=r"^why$") as caught:
            pictures.decode(b"x")
        assert caught.value.reason is Reason(refusal.value)
