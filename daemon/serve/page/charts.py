"""Line charts as SVG that stands inside the page. Colours are the style sheet's, so that they follow light and dark.

What a chart shows also stands in a table of the page: a chart is one picture to a screen reader, with one sentence.
"""

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Point = tuple[int, float | None]
"""(version, share); None where it is not known."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The drawing's size and margins, in units of the view box."""

    width: int
    height: int
    left: int = 0
    right: int = 0
    top: int = 4
    bottom: int = 4


WIDE = Frame(680, 230, left=62, right=64, top=18, bottom=34)
SMALL = Frame(120, 36, left=3, right=5, top=5, bottom=5)


def accuracy_chart(points: Sequence[Point], summary: str) -> str:
    """Return accuracy over versions, with grid and labels. `summary` is the chart's text for who does not see it."""
    low, high = _range(points)
    frame, parts = WIDE, []
    for value in _ticks(low, high):
        y = _y(frame, value, low, high)
        parts.append(f'<line class="grid" x1="{frame.left}" y1="{y}" x2="{frame.width - frame.right}" y2="{y}"/>')
        parts.append(f'<text class="tick" x="{frame.left - 6}" y="{y + 4}" text-anchor="end">{100 * value:.0f}%</text>')
    placed = _placed(frame, points, low, high)
    parts += _lines(placed, dots=True)
    for index in _labelled(len(placed)):
        x, _, version, _ = placed[index]
        at = f'x="{x}" y="{frame.height - 8}" text-anchor="middle"'
        parts.append(f'<text class="tick" {at}>v{version}</text>')
    for x, last_y, _, share in placed[-1:]:
        if last_y is not None and share is not None:
            parts.append(f'<text class="value" x="{x + 8}" y="{last_y + 5}">{100 * share:.0f}%</text>')
    return _svg(frame, "chart", summary, parts)


def sparkline(points: Sequence[Point], summary: str) -> str:
    """Return the same, small and bare; from 0 to 100 %, so that those beside each other compare."""
    placed = _placed(SMALL, points, 0.0, 1.0)
    top, bottom = _y(SMALL, 1.0, 0.0, 1.0), _y(SMALL, 0.0, 0.0, 1.0)
    frame = [f'<line class="grid" x1="0" y1="{y}" x2="{SMALL.width}" y2="{y}"/>' for y in (top, bottom)]
    return _svg(SMALL, "spark", summary, [*frame, *_lines(placed, dots=False)])


def _svg(frame: Frame, name: str, summary: str, parts: Sequence[str]) -> str:
    label = html.escape(summary, quote=True)
    box = f'viewBox="0 0 {frame.width} {frame.height}" preserveAspectRatio="xMinYMid"'
    head = f'<svg class="{name}" {box} role="img" aria-label="{label}">'
    return head + "".join(parts) + "</svg>"


Placed = list[tuple[float, float | None, int, float | None]]


def _placed(frame: Frame, points: Sequence[Point], low: float, high: float) -> Placed:
    across = frame.width - frame.left - frame.right
    step = across / (len(points) - 1) if len(points) > 1 else 0
    start = frame.left if len(points) > 1 else frame.left + across / 2
    return [
        (round(start + place * step, 1), None if share is None else _y(frame, share, low, high), version, share)
        for place, (version, share) in enumerate(points)
    ]


def _y(frame: Frame, share: float, low: float, high: float) -> float:
    down = frame.height - frame.top - frame.bottom
    return round(frame.top + down * (1 - (share - low) / (high - low)), 1)


def _lines(placed: Placed, *, dots: bool) -> Iterator[str]:
    """Yield one line for each run of known points, and a dot at each point, or at the last alone."""
    run: list[str] = []
    for x, y, _version, _share in [*placed, (0.0, None, 0, None)]:
        if y is not None:
            run.append(f"{x},{y}")
        else:
            if len(run) > 1:
                yield f'<polyline class="line" points="{" ".join(run)}"/>'
            run = []
    known = [one for one in placed if one[1] is not None]
    for x, y, version, share in known if dots else known[-1:]:
        title = f"<title>version {version}: {100 * (share or 0):.1f} %</title>" if dots else ""
        yield f'<circle class="dot" cx="{x}" cy="{y}" r="{3.5 if dots else 2.5}">{title}</circle>'


def _range(points: Sequence[Point]) -> tuple[float, float]:
    """Return what the axis spans: tenths around all that is known, two of them at least."""
    known = [share for _, share in points if share is not None] or [0.0, 1.0]
    low, high = int(min(known) * 10 - 1e-9) / 10, -int(-max(known) * 10 + 1e-9 - 1) / 10
    low, high = max(0.0, low), min(1.0, max(high, low + 0.2))
    return min(low, high - 0.2), high


def _ticks(low: float, high: float) -> list[float]:
    step = 0.1 if high - low <= 0.5 else 0.2
    first = round(low / step)
    return [round(place * step, 2) for place in range(first, round(high / step) + 1) if low - 1e-9 <= place * step]


def _labelled(n: int) -> list[int]:
    """Return which of `n` points bear a label: at most seven, the last among them."""
    every = max(1, -(-n // 7))
    return [place for place in range(n) if (n - 1 - place) % every == 0]
