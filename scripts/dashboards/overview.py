"""Overview: is it well, and what waits for a person."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from scripts.dashboards.dependencies import outages
from scripts.dashboards.frame import Row, frame
from scripts.dashboards.panels import GREEN, RED, Panel, above, below, lines, number, text
from scripts.dashboards.queries import (
    API,
    API_SHARE,
    FRESH_S,
    FRESH_SHARE,
    LEARNER,
    PUBLISH_S,
    PUBLISH_SHARE,
    ROUNDS_WINDOW,
    SELECTED,
    Ask,
    increase,
    mean,
    of,
    quantile,
    within,
)

UP = {"0": ("down", RED), "1": ("up", GREEN)}
FRESH = within("freshness_seconds", FRESH_S)
SERVED = of("http_requests_total", API)
FAILED = of("http_requests_total", API, 'code=~"5.."')


def overview() -> Dashboard:
    """Return the dashboard to look at first."""
    return frame(
        "overview",
        "overview",
        "Is it well? Left to right, top to bottom: roles, objectives, champion; what waits for a person; why.",
        [
            Row("Is it well?", [_roles(), _fresh(), _budget(), _published(), _no_loss(), _api()]),
            Row("Champion", [_version(), _age(), _accuracy(), _person()]),
            Row("Freshness", [_freshness(), _stages()]),
            Row("Rounds and accuracy", [_rounds(), _curves()]),
            Row("What waits, and what does not answer", [_lag(), _lag_seconds(), outages(width=8)]),
        ],
    )


def _roles() -> Panel:
    known = f"last_over_time(tidemill_build_info{{{SELECTED}}}[7d])"
    return number(
        "Roles",
        "none",
        text(
            "every process that Prometheus scrapes is up.",
            "that process does not answer: look at its last log lines, and at the exit status (docs/operations.md, "
            "What runs): 78 and 2 wait for a person, others are restarted.",
            "instance-down",
        ),
        Ask(f"up{{{SELECTED}}} and on (job, instance) {known}", "{{job}} {{instance}}"),
        words=UP,
        width=6,
    )


def _fresh() -> Panel:
    return number(
        f"Fresh within {FRESH_S} s",
        "percentunit",
        text(
            f"at least {FRESH_SHARE:.0%} of the samples learnt in the time shown could be pulled as part of a version "
            f"{FRESH_S} s after their event time.",
            "see which stage takes the time (below), then the dashboard of that stage. Samples sent long after their "
            "event time, as after an outage or of an archive, count as late and are no fault.",
            "freshness",
        ),
        Ask(FRESH, "fresh"),
        steps=below(FRESH_SHARE, FRESH_SHARE + 0.02),
        width=4,
        decimals=2,
    )


def _budget() -> Panel:
    return number(
        "Freshness budget left",
        "percentunit",
        text(
            "above 0: of the late samples that the objective allows in the time shown, this share is left.",
            "below 0 the objective is missed over the time shown. Choose 30 days above to judge the month.",
            "freshness",
        ),
        Ask(f"1 - (1 - {FRESH}) / {1 - FRESH_SHARE:.2f}", "budget left"),
        steps=below(0, 0.25),
        width=4,
        decimals=0,
    )


def _published() -> Panel:
    return number(
        f"Published within {PUBLISH_S} s",
        "percentunit",
        text(
            f"at least {PUBLISH_SHARE:.1%} of publications take less than {PUBLISH_S} s from the commit.",
            "the repository's disk is slow or full, or hangs: see the dashboard Learning, stage publish, and disks.",
            "publication",
        ),
        Ask(within("publish_seconds", PUBLISH_S), "published"),
        steps=below(PUBLISH_SHARE, PUBLISH_SHARE),
        width=4,
        decimals=2,
    )


def _no_loss() -> Panel:
    return number(
        "Records lost",
        "short",
        text(
            "0: no record left Kafka by retention before it was read.",
            "records are lost for good. Raise the topic's retention.ms first, then see on the dashboard Ingest why "
            "ingestors were behind.",
            "records-expired",
        ),
        Ask(increase(of("records_expired_total")), "lost"),
        steps=above(1, 1),
        width=3,
        decimals=0,
    )


def _api() -> Panel:
    return number(
        "API answers",
        "percentunit",
        text(
            f"at least {API_SHARE:.1%} of the requests are answered without a fault of the server (5xx).",
            "the repository cannot be read, or serve cannot keep up: see the dashboard Serving, requests by code.",
            "api",
        ),
        Ask(f"1 - ({increase(FAILED)} or vector(0)) / ({increase(SERVED)} > 0)", "answered"),
        steps=below(API_SHARE, API_SHARE),
        width=3,
        decimals=2,
    )


def _version() -> Panel:
    return number(
        "Champion",
        "none",
        text(
            "the version that followers pull, larger by one with each that is published.",
            "it stands still while records come: see rounds by outcome. It fell: somebody rolled back.",
        ),
        Ask(f"max({of('model_version', LEARNER)})", "version"),
        width=3,
    )


def _age() -> Panel:
    return number(
        "Age of the champion",
        "s",
        text(
            "a few times round.max_wait_s while records come; any age while none come.",
            "rounds are refused, held or do not happen: see rounds by outcome, and `tidemill rounds` for the reasons.",
            "publication",
        ),
        Ask(f"time() - max({of('model_published_timestamp_seconds', LEARNER)})", "age"),
        steps=above(900, 3600),
        width=3,
    )


def _accuracy() -> Panel:
    return number(
        "Right of the held out",
        "percentunit",
        text(
            "the newest candidate is as good as the champion that it was held against, or better.",
            "it is worse than the champion round after round: see the dashboard Learning, accuracy by class, and "
            "`tidemill explain`.",
            "class-accuracy-down",
        ),
        Ask(f"max by (role) ({of('holdout_accuracy')})", "{{role}}"),
        width=6,
        decimals=1,
    )


def _person() -> Panel:
    return number(
        "Waits for a person",
        "short",
        text(
            "0 everywhere. A figure that is not there belongs to a role that does not run.",
            "windows in quarantine: `tidemill quarantine list`. Labels near to a class: `tidemill status`, then "
            "`tidemill classes admit` or `merge`. Partitions, brakes: `tidemill status` and the dashboard Ingest. "
            "Training: the learner's log. Roles given up: `/readyz` of `tidemill run`, then `kill -HUP`.",
            "quarantine-growing",
        ),
        Ask(f"sum({of('quarantined_windows')})", "windows in quarantine"),
        Ask(f"sum({of('classes', state='near')})", "labels near to a class"),
        Ask(f"sum({of('partition_stopped')})", "partitions stopped"),
        Ask(f"sum({of('ingest_pause_cause', cause='brake')})", "ingestors with the brake on"),
        Ask(f"sum({of('outage_ongoing', what='training')})", "training stopped"),
        Ask(f"sum({of('role_given_up')})", "roles given up"),
        steps=above(1, 1),
        width=12,
    )


def _freshness() -> Panel:
    return lines(
        "Freshness",
        "s",
        text(
            f"the line for 95 % lies below the objective of {FRESH_S} s. Points are samples with their round.",
            "the graph beside it says which stage takes the time.",
            "freshness",
        ),
        Ask(quantile(0.5, "freshness_seconds", window=ROUNDS_WINDOW), "half of the samples"),
        Ask(quantile(0.95, "freshness_seconds", window=ROUNDS_WINDOW), "95 % of the samples", exemplars=True),
        limits=((None, GREEN), (FRESH_S, RED)),
        limits_seen=True,
        interval="15s",
    )


def _stages() -> Panel:
    return lines(
        "Freshness by stage, mean",
        "s",
        text(
            "most of it is buffer, which is about round.max_wait_s, or the time that round.samples take to come.",
            "kafka: ingestors are behind, or samples are old when sent. buffer: the learner is behind, or waits for "
            "round.samples. round: training is slow. publish: the repository's disk is slow.",
            "freshness",
        ),
        Ask(mean("freshness_stage_seconds", by="stage", window=ROUNDS_WINDOW), "{{stage}}"),
        stacked=True,
        interval="15s",
    )


def _rounds() -> Panel:
    return lines(
        "Rounds by outcome",
        "short",
        text(
            "published, now and then held or refused; empty where records came again that were known.",
            "refused in a row: `tidemill rounds` says why, `tidemill quarantine list` what was set aside and who sent "
            "it. failed: an attempt that is made again; the learner's log says why.",
            "refusals-in-row",
        ),
        Ask(increase(of("rounds_total"), "outcome", "$__rate_interval"), "{{outcome}}"),
        bars=True,
        stacked=True,
        interval="1m",
    )


def _curves() -> Panel:
    return lines(
        "Accuracy",
        "percentunit",
        text(
            "held out: slowly up, small steps. Before learning: below it, and by more where the stream changes.",
            "before learning falls suddenly: the stream has changed, or labels are wrong. Both fall: see the classes "
            "on the dashboard Learning.",
            "class-accuracy-down",
        ),
        Ask(f"max by (role) ({of('holdout_accuracy')})", "held out, {{role}}"),
        Ask(f"max({of('prequential_accuracy')})", "before learning"),
        top=1,
        interval="15s",
    )


def _lag() -> Panel:
    return lines(
        "Records behind",
        "short",
        text(
            "not taken in: near 0. Not learnt: up to round.samples and what comes in a round; both fall after a burst.",
            "not taken in grows: see the dashboard Ingest, pauses. Not learnt alone grows: the learner cannot keep up.",
            "intake-behind",
        ),
        Ask(f"sum({of('consumer_lag_records')})", "not taken in"),
        Ask(f"sum({of('unlearnt_records')})", "not learnt"),
        Ask(f"sum({of('buffer_samples')})", "in the buffer"),
        width=8,
    )


def _lag_seconds() -> Panel:
    return lines(
        "Age of the oldest record not taken in",
        "s",
        text(
            "seconds; 0 where nothing waits.",
            "it grows by a second each second: that partition stands still. Dashboard Ingest says which and why.",
            "intake-behind",
        ),
        Ask(f"max by (topic) ({of('kafka_lag_seconds')})", "{{topic}}"),
        width=8,
        limits=((None, GREEN), (FRESH_S, RED)),
    )
