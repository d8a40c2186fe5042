"""Learning: how good it is, by class and over time; what a round does and how long it takes."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from scripts.dashboards.accuracy import accuracy, quality
from scripts.dashboards.frame import Row, choice, frame
from scripts.dashboards.gpu import HOSTS, gpu
from scripts.dashboards.panels import Panel, above, number, text
from scripts.dashboards.processes import started, usage
from scripts.dashboards.queries import Ask, increase, of
from scripts.dashboards.rounds import freshness, rounds, training
from scripts.dashboards.storage import disks, samples

UNDECIDED = 'state=~"waiting|near"'


def learning() -> Dashboard:
    """Return the dashboard of the learner."""
    return frame(
        "learning",
        "learning",
        "Accuracy by class, prequential and held out; forgetting and drift; the stages of rounds; the store; the GPU.",
        [
            Row("Now", [_round(), _stage(), _in_row(), _drift(), _quarantine(), _waiting()]),
            Row("Accuracy", accuracy()),
            Row("What is lost, and what is learnt by heart", quality()),
            Row("Rounds", rounds()),
            Row("Training", training()),
            Row("From the event to the version", freshness()),
            Row("Store, labels and relabels", samples()),
            Row("Repository and disks", disks()),
            Row("Processes", [*usage(), started()]),
            Row("GPU", gpu()),
        ],
        [choice("gpu_host", "GPU host", HOSTS)],
    )


def _round() -> Panel:
    return number(
        "Round in progress",
        "none",
        text(
            "its number while one runs; none between rounds, while fresh samples gather.",
            "the same for long: the stage beside it says where it is. `tidemill status` says step and seconds.",
        ),
        Ask(f"max({of('round_number')})", "round"),
    )


def _stage() -> Panel:
    return number(
        "Stage",
        "none",
        text(
            "mostly train; none between rounds.",
            "claim, stage, publish for long: a disk is slow. announce: Kafka does not answer.",
        ),
        Ask(f"max by (stage) ({of('round_stage')}) == 1", "{{stage}}"),
        words={"1": ("runs", "green")},
    )


def _in_row() -> Panel:
    return number(
        "Refused in a row",
        "none",
        text(
            "0 or 1.",
            "what comes in is wrong, or has changed: `tidemill rounds`, `tidemill quarantine list`.",
            "refusals-in-row",
        ),
        Ask(f"max({of('refusals_in_row')})", "rounds"),
        steps=above(3, 10),
    )


def _drift() -> Panel:
    return number(
        "Drift alarms",
        "short",
        text(
            "a few, where the stream changes.",
            "often: it changes faster than it is learnt; lower round.samples. The log names the classes.",
            "drift",
        ),
        Ask(increase(of("drift_detected_total")), "alarms in the time shown"),
        steps=above(3, 20),
        decimals=0,
    )


def _quarantine() -> Panel:
    return number(
        "Windows in quarantine",
        "none",
        text(
            "0.",
            "they wait for a person: `tidemill quarantine list`, then release or drop.",
            "quarantine-growing",
        ),
        Ask(f"sum({of('quarantined_windows')})", "windows"),
        steps=above(1, 10),
    )


def _waiting() -> Panel:
    return number(
        "Labels that wait",
        "none",
        text(
            "0, or new labels on their way to become classes.",
            "near to a class: a typing error? `tidemill status` says to which; `tidemill classes admit` or `merge`.",
        ),
        Ask(f"sum by (state) ({of('classes', UNDECIDED)})", "{{state}}"),
        steps=above(1, 100),
    )
