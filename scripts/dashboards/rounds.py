"""Rounds on the dashboard Learning: how they end, what their stages take, training, and the way to a version."""

from scripts.dashboards.panels import Panel, lines, rows, text
from scripts.dashboards.queries import PUBLISH_S, ROUNDS_WINDOW, Ask, increase, mean, of, quantile, rate


def rounds() -> list[Panel]:
    """Return how rounds end, and where their time goes."""
    return [_outcomes(), _stages(), _mean_stages()]


def training() -> list[Panel]:
    """Return how fast it trains, on what, and with which loss."""
    return [_speed(), _trained(), _loss()]


def freshness() -> list[Panel]:
    """Return the way from the event to the version."""
    return [_freshness(), _publish()]


def _outcomes() -> Panel:
    return lines(
        "Rounds by outcome",
        "short",
        text(
            "published, now and then held or refused; empty where only known records came.",
            "`tidemill rounds` says why one was refused or held; failed is in the log.",
            "refusals-in-row",
        ),
        Ask(increase(of("rounds_total"), "outcome", "$__rate_interval"), "{{outcome}}"),
        width=8,
        bars=True,
        stacked=True,
        interval="1m",
    )


def _stages() -> Panel:
    return lines(
        "Seconds of rounds by stage, a second",
        "none",
        text(
            "the height is the share of the time that rounds take; below 1 the learner keeps up. Most of it is train.",
            "near 1: it cannot keep up. Lower round.replay or round.passes, or give it more cores or a GPU.",
        ),
        Ask(rate(of("round_stage_seconds_sum"), "stage", "5m"), "{{stage}}"),
        width=8,
        stacked=True,
    )


def _mean_stages() -> Panel:
    return rows(
        "Mean time of a stage",
        "s",
        text(
            "train takes most; publish and commit are below a second.",
            "commit, stage, publish of many seconds: a disk is slow. evaluate: lower store.holdout_max.",
        ),
        Ask(mean("round_stage_seconds", by="stage", window="$__range"), "seconds"),
        columns={"stage": "stage"},
        width=8,
    )


def _speed() -> Panel:
    return lines(
        "Training speed",
        "cps",
        text(
            "level for one network and machine, in samples a second, replay included.",
            "it falls: something else takes the cores or the GPU.",
        ),
        Ask(of("train_samples_per_second"), "{{instance}}"),
        width=8,
    )


def _trained() -> Panel:
    return lines(
        "Samples trained on",
        "cps",
        text(
            "fresh as they come in, and about round.replay times as many from the store.",
            "fresh is below what comes in for hours: the learner is behind.",
            "intake-behind",
        ),
        Ask(rate(of("trained_samples_total"), "kind", "5m"), "{{kind}}"),
        width=8,
        stacked=True,
    )


def _loss() -> Panel:
    return lines(
        "Loss of the newest step",
        "none",
        text(
            "falls in the first rounds, then level with noise; a step up with a new class.",
            "it climbs: the learning rate is too high for these images (learning.lr), or labels are wrong.",
        ),
        Ask(of("train_loss"), "{{instance}}"),
        width=8,
    )


def _freshness() -> Panel:
    return lines(
        "Freshness by stage, 95 %",
        "s",
        text(
            "buffer is the largest: about round.max_wait_s, or what round.samples take to come.",
            "kafka: ingestors are behind. buffer: the learner is. round: training is slow. publish: a disk is slow.",
            "freshness",
        ),
        Ask(quantile(0.95, "freshness_stage_seconds", by="stage", window=ROUNDS_WINDOW), "{{stage}}"),
        interval="15s",
    )


def _publish() -> Panel:
    return lines(
        "From the commit until it can be pulled",
        "s",
        text(
            f"below a second; the objective is {PUBLISH_S} s.",
            "the repository's disk is slow or full.",
            "publication",
        ),
        Ask(quantile(0.5, "publish_seconds", window=ROUNDS_WINDOW), "half of the versions"),
        Ask(quantile(0.95, "publish_seconds", window=ROUNDS_WINDOW), "95 % of the versions"),
        interval="15s",
    )
