"""Writes small baseline JPEGs that Pillow does not: any sampling factors, scans of one component, restarts."""

import math
import struct
from collections.abc import Sequence

import numpy as np
from PIL import Image

Factors = Sequence[tuple[int, int]]
"""Of each component, how many blocks of it a unit holds: across and down."""

_SIDE = 8
_DC_COUNTS = (0, 0, 0, 8, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
"""How many codes there are of each length; the code of all ones stays free."""
_DC_SYMBOLS = bytes(range(16))
_AC_COUNTS = (0, 0, 0, 2, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 246)
_AC_SYMBOLS = bytes((0x00, 0xF0, *(s for s in (1, 2, 3, 4, 0x11, 0x12, 0x21, 0x31))))
_AC_SYMBOLS += bytes(symbol for symbol in range(256) if symbol not in _AC_SYMBOLS)


def _zigzag() -> list[int]:
    cells = [(row, column) for row in range(_SIDE) for column in range(_SIDE)]

    def place(cell: tuple[int, int]) -> tuple[int, int]:
        along = sum(cell)
        return along, cell[0] if along % 2 else cell[1]

    return [row * _SIDE + column for row, column in sorted(cells, key=place)]


_ZIGZAG = _zigzag()
_BASIS = np.array(
    [
        [
            math.sqrt((1 if k == 0 else 2) / _SIDE) * math.cos((2 * n + 1) * k * math.pi / (2 * _SIDE))
            for n in range(_SIDE)
        ]
        for k in range(_SIDE)
    ]
)


def _codes(counts: Sequence[int], symbols: bytes) -> dict[int, tuple[int, int]]:
    """Return (code, length) of each symbol."""
    codes, code, at = {}, 0, 0
    for length, count in enumerate(counts, 1):
        for _ in range(count):
            codes[symbols[at]] = (code, length)
            code, at = code + 1, at + 1
        code <<= 1
    return codes


_DC, _AC = _codes(_DC_COUNTS, _DC_SYMBOLS), _codes(_AC_COUNTS, _AC_SYMBOLS)


class _Bits:
    def __init__(self) -> None:
        self._parts: list[str] = []

    def put(self, value: int, length: int) -> None:
        if length:
            self._parts.append(f"{value:0{length}b}")

    def signed(self, value: int, length: int) -> None:
        self.put(value if value >= 0 else value + (1 << length) - 1, length)

    def take(self) -> bytes:
        """Return what was put, filled up with ones and stuffed, and begin anew."""
        text = "".join(self._parts)
        text += "1" * (-len(text) % 8)
        self._parts = []
        return (int(text, 2).to_bytes(len(text) // 8, "big") if text else b"").replace(b"\xff", b"\xff\0")


def _segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


def _blocks(plane: np.ndarray, rows: int, columns: int, step: int) -> np.ndarray:
    """Return quantised coefficients in zigzag order, [rows, columns, 64]."""
    height, width = rows * _SIDE, columns * _SIDE
    padded = np.pad(plane, ((0, height - plane.shape[0]), (0, width - plane.shape[1])), "edge") - 128.0
    cells = padded.reshape(rows, _SIDE, columns, _SIDE).transpose(0, 2, 1, 3)
    transformed = np.rint(_BASIS @ cells @ _BASIS.T / step).astype(int)
    return transformed.reshape(rows, columns, 64)[:, :, _ZIGZAG]


def _encode_block(bits: _Bits, block: list[int], before: int) -> int:
    """Put one block; return its DC, which the next one is told relative to."""
    size = abs(block[0] - before).bit_length()
    bits.put(*_DC[size])
    bits.signed(block[0] - before, size)
    run = 0
    last = max((at for at in range(1, 64) if block[at]), default=0)
    for value in block[1 : last + 1]:
        if value == 0:
            run += 1
            continue
        while run > 15:
            bits.put(*_AC[0xF0])
            run -= 16
        size = abs(value).bit_length()
        bits.put(*_AC[run << 4 | size])
        bits.signed(value, size)
        run = 0
    if last < 63:
        bits.put(*_AC[0])
    return block[0]


def _plane(full: np.ndarray, width: int, height: int) -> np.ndarray:
    if full.shape == (height, width):
        return full
    return np.asarray(Image.fromarray(full.astype(np.float32)).resize((width, height), Image.Resampling.BOX))


def jpeg(
    channels: np.ndarray,
    factors: Factors,
    *,
    step: int = 2,
    restart: int = 0,
    apart: bool = False,
    adobe: int | None = None,
    ids: bytes = b"\1\2\3\4",
    before: bytes = b"",
) -> bytes:
    """Return a baseline JPEG of `channels` [height, width, components], as they are stored (YCbCr, grey, CMYK ...).

    `step`: of the quantisation; `restart`: units between restart markers; `apart`: one scan for each component;
    `adobe`: the colour transform of an Adobe marker; `before`: segments behind the start of image.
    """
    height, width, count = channels.shape
    across, down = max(h for h, _ in factors), max(v for _, v in factors)
    units = -(-width // (_SIDE * across)), -(-height // (_SIDE * down))
    sizes = [(-(-width * h // across), -(-height * v // down)) for h, v in factors]
    planes = [_plane(channels[..., c], *sizes[c]) for c in range(count)]
    blocks = [_blocks(planes[c], units[1] * v, units[0] * h, step) for c, (h, v) in enumerate(factors)]
    parts = [b"\xff\xd8", before]
    if adobe is not None:
        parts.append(_segment(0xEE, b"Adobe\0\x64\0\0\0\0" + bytes((adobe,))))
    parts.append(_segment(0xDB, b"\0" + bytes([step] * 64)))
    told = b"".join(bytes((ids[c], h << 4 | v, 0)) for c, (h, v) in enumerate(factors))
    parts.append(_segment(0xC0, struct.pack(">BHHB", 8, height, width, count) + told))
    parts.append(_segment(0xC4, b"\x00" + bytes(_DC_COUNTS) + _DC_SYMBOLS))
    parts.append(_segment(0xC4, b"\x10" + bytes(_AC_COUNTS) + _AC_SYMBOLS))
    if restart:
        parts.append(_segment(0xDD, struct.pack(">H", restart)))
    for scan in [[c] for c in range(count)] if apart else [list(range(count))]:
        listed = b"".join(bytes((ids[c], 0)) for c in scan)
        parts.append(_segment(0xDA, bytes((len(scan),)) + listed + b"\0\x3f\0"))
        if len(scan) == 1:
            # Alone in its scan a component's unit is one block, and only blocks that hold some of it are there.
            columns, rows = (-(-side // _SIDE) for side in sizes[scan[0]])
            units_of_scan = [[(scan[0], row, column)] for row in range(rows) for column in range(columns)]
        else:
            units_of_scan = [
                [
                    (c, y * factors[c][1] + row, x * factors[c][0] + column)
                    for c in scan
                    for row in range(factors[c][1])
                    for column in range(factors[c][0])
                ]
                for y in range(units[1])
                for x in range(units[0])
            ]
        parts.append(_entropy(blocks, units_of_scan, restart))
    return b"".join(parts) + b"\xff\xd9"


def _entropy(blocks: list[np.ndarray], units: list[list[tuple[int, int, int]]], restart: int) -> bytes:
    bits, parts, before = _Bits(), [], [0] * len(blocks)
    for index, unit in enumerate(units):
        if restart and index and index % restart == 0:
            parts += [bits.take(), bytes((0xFF, 0xD0 + (index // restart - 1) % 8))]
            before = [0] * len(blocks)
        for c, row, column in unit:
            before[c] = _encode_block(bits, blocks[c][row, column].tolist(), before[c])
    return b"".join(parts) + bits.take()


def ycc(image: Image.Image) -> np.ndarray:
    """Return an RGB picture as JPEG stores it: [height, width, 3]."""
    return np.asarray(image.convert("YCbCr"))
