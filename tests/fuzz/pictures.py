"""Fuzzes the picture decoder with coverage guidance: `make fuzz`. Arguments are libFuzzer's.

The Python of `model.pictures` is instrumented; the libraries behind it are not, but they run. Whatever the bytes, there
must be pixels or a refusal with a word of the contract, the same each time, and no others with bytes behind the file.
"""

import random
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["model.pictures"]):
    from model.pictures import ImageDecoder, Refusal, RefusedPicture

from tests.support.images import with_checksums
from tests.support.kinds import KINDS

SIZE = 8
DECODER = ImageDecoder(SIZE, max_bytes=200_000, max_pixels=200_000, decode_bytes_max=20_000_000)
MESSAGE_CHARS_MAX = 300
DEFAULTS = ("-max_len=20000", "-timeout=10", "-rss_limit_mb=1500", "-print_final_stats=1")


def outcome(data: bytes) -> bytes | Refusal:
    """Return pixels or the reason why not; anything else that is raised ends the run."""
    try:
        pixels = DECODER.decode(data)
    except RefusedPicture as refused:
        assert 0 < len(str(refused)) <= MESSAGE_CHARS_MAX, str(refused)
        return refused.reason
    assert len(pixels) == SIZE * SIZE * 3, len(pixels)
    return pixels


def check(data: bytes) -> None:
    """Decode, and where there are pixels, decode again with something behind the picture."""
    first = outcome(data)
    if isinstance(first, bytes):
        assert outcome(data) == first, "not the same twice"
        # libjpeg passes over a few bytes too many in a scan, and fewer of them where it could read further ahead.
        behind = outcome(data + b"\xff\xda behind")
        assert behind in (first, Refusal.UNDECODABLE), "what stands behind the picture changes it"


def mutate(data: bytes, size_max: int, seed: int) -> bytes:
    """Change as libFuzzer does; of a PNG the checksums are mostly put right, or little behind them is reached."""
    changed = atheris.Mutate(data, size_max)
    if changed[1:4] == b"PNG" and random.Random(seed).random() < 0.8:
        return with_checksums(changed)
    return changed


def main(arguments: list[str]) -> None:
    """Start from the table of kinds, and go on until libFuzzer's limits end the process."""
    with tempfile.TemporaryDirectory(prefix="tidemill-fuzz-") as folder:
        seeds = Path(folder, "seeds")
        found = Path(folder, "found")
        seeds.mkdir()
        found.mkdir()
        for number, (make, _) in enumerate(KINDS.values()):
            (seeds / str(number)).write_bytes(make())
        atheris.Setup([sys.argv[0], *DEFAULTS, *arguments, str(found), str(seeds)], check, custom_mutator=mutate)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
