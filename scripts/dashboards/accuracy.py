"""How good the model is, on the dashboard Learning."""

from scripts.dashboards.panels import Panel, above, below, lines, rows, text
from scripts.dashboards.queries import Ask, of


def accuracy() -> list[Panel]:
    """Return accuracy by class, and over all."""
    return [
        lines(
            "Accuracy by class",
            "percentunit",
            text(
                "every class level or rising; a new class starts low. Of more than 100 classes the worst are shown.",
                "one falls: its newest images differ or are mislabelled: `tidemill quarantine suspects`, then "
                "`tidemill explain`.",
                "class-accuracy-down",
            ),
            Ask(f"max by (class) ({of('class_accuracy')})", "{{class}}"),
            width=10,
            top=1,
            interval="15s",
        ),
        rows(
            "Worst classes now",
            "percentunit",
            text(
                "no class far below the others.",
                "it has few images, or is confused with another: `tidemill report` draws which.",
                "class-accuracy-down",
            ),
            Ask(f"bottomk(10, max by (class) ({of('class_accuracy')}))", "right of the held out"),
            columns={"class": "class"},
            width=5,
            steps=below(0.5, 0.8),
        ),
        lines(
            "Held out, and before learning",
            "percentunit",
            text(
                "held out rises slowly; before learning (prequential) lies a little below.",
                "before learning falls: the stream has changed. Held out falls with it: the model cannot hold both.",
                "class-accuracy-down",
            ),
            Ask(f"max by (role) ({of('holdout_accuracy')})", "held out, {{role}}"),
            Ask(f"max({of('prequential_accuracy')})", "before learning"),
            width=9,
            top=1,
            interval="15s",
        ),
    ]


def quality() -> list[Panel]:
    """Return what a candidate lost, and whether it learns by heart."""
    return [
        lines(
            "Forgetting, and what was right before",
            "percentunit",
            text(
                "both near 0; a peak where a class joins.",
                "they stay above 0.05: keep more (store.bytes_max), replay more (round.replay).",
                "class-accuracy-down",
            ),
            Ask(f"max({of('forgetting')})", "forgetting, mean over classes"),
            Ask(f"max({of('negative_flip_rate')})", "held out, right before and wrong now"),
            width=8,
            bottom=None,
            interval="15s",
        ),
        lines(
            "Learnt by heart: trained on less held out",
            "percentunit",
            text(
                "below 0.1.",
                "above it round after round: more images, learning.crop and learning.flip on, fewer round.passes.",
            ),
            Ask(f"max({of('train_holdout_gap')})", "gap"),
            width=8,
            limits=above(0.1, 0.2),
            bottom=None,
            interval="15s",
        ),
        lines(
            "Drift alarms over time",
            "short",
            text(
                "single ones.",
                "many: see accuracy before learning; the log names the classes.",
                "drift",
            ),
            Ask(f"sum(increase({of('drift_detected_total')}[$__rate_interval]))", "alarms"),
            width=8,
            bars=True,
            interval="1m",
        ),
    ]
