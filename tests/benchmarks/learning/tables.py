"""The table for people, and below it how each figure was obtained."""

import sys
from typing import Any

from rich.console import Console
from rich.table import Table

WIDTH = 110
"""Of a table that goes to a file."""
COLUMNS = ("learner", "final accuracy", "±", "anytime", "forgetting", "(all classes)", "gradients", "seconds")


def row(learner: dict[str, Any]) -> tuple[str, ...]:
    """Return a learner's figures as text, in the order of the columns."""
    return (
        learner["name"],
        f"{learner['final_accuracy_mean']:.2%}",
        f"{100 * learner['final_accuracy_std']:.2f}",
        f"{learner['anytime_accuracy_mean']:.2%}",
        f"{100 * learner['forgetting_mean']:.2f}",
        f"{100 * learner['forgetting_all_classes_mean']:.2f}",
        f"{learner['sample_gradients']:,}",
        f"{learner['seconds']:.1f}",
    )


def show(report: dict[str, Any]) -> None:
    """Print the report."""
    data = report["data"]
    table = Table(
        title=f"{data['file']}, {report['protocol']}, {report['memory']} kept, K = {report['budget']}, "
        f"{report['architecture'].rpartition(':')[2]} at {data['size']} px"
    )
    for column in COLUMNS:
        table.add_column(column, justify="left" if column == "learner" else "right")
    for learner in (report, *report["peers"]):
        table.add_row(*row(learner))
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    console.print(table)
    console.print(HOW.format(**report), highlight=False)


HOW = """\
{images:,} training images of {data[classes]} classes; seeds {seeds}; measured on {measured_on}; {threads} thread(s).
final accuracy: after the last task, on the test images of all tasks; ±: deviation over the seeds.
anytime: mean over the ends of tasks, each on the test images of the tasks so far.
forgetting, in points: how much worse the last model is than the best before it on the tasks before the last, both
choosing among the classes met by then; (all classes): each among all that it knows.
gradients: images that a gradient was taken of, each repeat counted. seconds: learning only, means over the seeds.
tidemill: the daemon's round on each window; nothing held out, every candidate becomes champion, no ONNX file is made.
plain-replay: the same rounds with a reservoir, replayed by its labels alone: no former answers, no margin.
offline, fine-tuning: the same trainer on everything at once, shuffled, and on each window alone. The others:
Avalanche on the same windows, their seconds from when they were run."""
