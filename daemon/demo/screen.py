"""What a terminal shows while the demo runs. Pure: a view in, something that rich can draw out."""

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from daemon.demo.board import Measured, View
from daemon.learn.observer import Stage

BAR = 24
VERSIONS_SHOWN = 8
"""The newest; with all else they fit a terminal of 24 lines."""
NOTICES_SHOWN = 1


def draw(view: View, elapsed_s: float) -> RenderableType:
    """Return the whole screen."""
    rows = Table.grid(padding=(0, 1))
    rows.add_column(style="bold", no_wrap=True)
    rows.add_column()
    rows.add_row("stream", _stream(view))
    rows.add_row("buffer", Text(f"{view.buffered} records wait in Redis"))
    rows.add_row("learner", _learner(view.learner))
    rows.add_row(f"round {view.learner['round']}" if view.in_round else "round", _round(view.learner))
    rows.add_row("dead letters", _dead(view))
    parts: list[RenderableType] = [rows]
    parts += [_line(f"! {notice}", "red") for notice in view.notices[-NOTICES_SHOWN:]]
    parts += [Text(), _versions(view)]
    minutes, seconds = divmod(int(elapsed_s), 60)
    return Panel(Group(*parts), title=f"Tidemill demo · {minutes}:{seconds:02d} · {view.phase}", title_align="left")


def _line(text: str, style: str = "") -> Text:
    """Return a text that stays on its line, cut short where the terminal is narrow."""
    return Text(text, style, no_wrap=True, overflow="ellipsis")


def _stream(view: View) -> RenderableType:
    said = f"{view.sent} pictures and {sum(view.spoilt.values())} broken records sent"
    if not view.chapter:
        return Text("begins when all roles are ready")
    waits = " (waits)" if view.waiting else ""
    chapter = f" {view.chapter_sent} of {view.chapter_pictures} {view.chapter}{waits}"
    return Group(_bar(view.chapter_sent, view.chapter_pictures, chapter), _line(said, "dim"))


def _bar(done: int, total: int, text: str) -> RenderableType:
    row = Table.grid()
    row.add_row(ProgressBar(total=max(1, total), completed=done, width=BAR), _line(text))
    return row


def _learner(learner: Mapping[str, object]) -> Text:
    store = learner.get("store")
    kept = [f"{count} {role}" for role, count in store.items() if count] if isinstance(store, Mapping) else []
    return Text("keeps " + ", ".join(kept) if kept else "nothing learnt yet")


def _round(learner: Mapping[str, object]) -> RenderableType:
    if learner.get("round") is None:
        return Group(Text("waits for enough fresh pictures", style="dim"), Text())
    names = [stage.value for stage in Stage]
    now = str(learner.get("stage") or "")
    done = names.index(now) + 1 if now in names else 0
    stages = Text("●" * done + "○" * (len(names) - done), "cyan").append(f" {now}", "bold")
    steps, step = _whole(learner.get("steps")), _whole(learner.get("step"))
    if now != Stage.TRAIN.value or not steps:
        return Group(stages, Text())
    return Group(stages, _bar(step, steps, f" step {step} of {steps}, {learner.get('samples', '?')} fresh pictures"))


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _dead(view: View) -> Text:
    if not view.dead:
        return Text("none yet", style="dim")
    return Text(
        f"{sum(view.dead.values())}: " + ", ".join(f"{count} {why}" for why, count in sorted(view.dead.items()))
    )


def _versions(view: View) -> RenderableType:
    if not view.versions:
        return Text("no version yet", style="dim")
    return versions_table(view.versions[-VERSIONS_SHOWN:])


def versions_table(versions: tuple[Measured, ...]) -> Table:
    """Return the versions as a table; accuracies are the follower's, but for the holdout's."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("version", "round", "learnt", "all", "0 to 4", "5 to 9", "held out", "verdict", "after"):
        table.add_column(name, justify="left" if name == "verdict" else "right")
    for one in versions:
        scores, manifest = one.scores, one.manifest
        judged = manifest.evaluation.candidate_accuracy
        table.add_row(
            str(one.version),
            str(manifest.round),
            str(manifest.samples.fresh),
            *(f"{accuracy:.1%}" for accuracy in (scores.overall, scores.old, scores.new)),
            "-" if judged is None else f"{judged:.1%}",
            manifest.gate.verdict,
            f"{one.at_s:.0f} s",
        )
    return table
