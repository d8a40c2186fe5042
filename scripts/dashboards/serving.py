"""Serving: what is served, to whom, how fast, and with which codes."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from scripts.dashboards.frame import Row, frame
from scripts.dashboards.panels import Panel, above, below, lines, number, rows, text
from scripts.dashboards.processes import started, usage
from scripts.dashboards.queries import API, API_SHARE, LEARNER, Ask, increase, of, quantile, rate

SERVED = of("http_requests_total", API)
FAILED = of("http_requests_total", API, 'code=~"5.."')
REJECTED = of("http_requests_total", API, 'code=~"4.."')
OF_A_MODEL = 'model!=""'
SHORT = 'route!~".*[?]wait"'
"""All but long polls, which take as long as they wait."""


def serving() -> Dashboard:
    """Return the dashboard of the HTTP API."""
    return frame(
        "serving",
        "serving",
        "The model repository over HTTP: versions served, followers, latency, bytes and codes.",
        [
            Row("Now", [_version(), _behind(), _polls(), _answered(), _requests(), _slowest()]),
            Row("Versions", [_served(), _models()]),
            Row("Followers", [_followers(), _table()]),
            Row("Requests", [_codes(), _routes()]),
            Row("Latency and bytes", [_latency(), _bytes()]),
            Row("Faults", [_failed(), _missing()]),
            Row("Processes", [*usage(), started()]),
        ],
    )


def _version() -> Panel:
    return number(
        "Served",
        "none",
        text(
            "the same version at every server, the learner's champion.",
            "a server that stays behind does not see the repository: its mount, or `/readyz`.",
            "publication",
        ),
        Ask(of("model_version", OF_A_MODEL), "{{instance}} {{model}}"),
    )


def _behind() -> Panel:
    learnt = f"max({of('model_version', LEARNER)})"
    return number(
        "Versions behind the learner",
        "none",
        text(
            "0; 1 for a moment with each publication.",
            "servers read another repository than the learner writes, or a copy that is late.",
            "publication",
        ),
        Ask(f"{learnt} - min({of('model_version', OF_A_MODEL)})", "behind"),
        steps=above(1, 2),
    )


def _polls() -> Panel:
    return number(
        "Long polls",
        "none",
        text(
            "about one for each follower that waits for news.",
            "more than followers: clients open new ones without ending the old.",
        ),
        Ask(f"sum({of('long_polls')})", "open"),
    )


def _answered() -> Panel:
    return number(
        "API answers",
        "percentunit",
        text(
            f"at least {API_SHARE:.1%} of the requests in the time shown without a fault of the server (5xx).",
            "see faults below and the log of serve.",
            "api",
        ),
        Ask(f"1 - ({increase(FAILED)} or vector(0)) / ({increase(SERVED)} > 0)", "answered"),
        steps=below(API_SHARE, API_SHARE),
        decimals=2,
    )


def _requests() -> Panel:
    return number(
        "Requests",
        "reqps",
        text(
            "what followers ask, over the last minute, without probes and scrapes.",
            "0 while the process is up: nobody reaches it.",
        ),
        Ask(rate(SERVED, window="1m"), "requests"),
    )


def _slowest() -> Panel:
    return number(
        "99 % within",
        "s",
        text(
            "below a second, long polls left out; downloads count until their last byte.",
            "slow clients, or a slow disk: see latency by route.",
        ),
        Ask(quantile(0.99, "http_request_seconds", SHORT, window="5m"), "99 %"),
        steps=above(1, 10),
    )


def _served() -> Panel:
    return lines(
        "Version served",
        "none",
        text(
            "steps up, all servers together, right after the learner's.",
            "a step down is a rollback (marked). A line of its own is a server that is behind.",
            "publication",
        ),
        Ask(of("model_version", OF_A_MODEL), "{{instance}} {{model}}"),
        Ask(f"max({of('model_version', LEARNER)})", "learner's champion"),
        bottom=None,
    )


def _models() -> Panel:
    published = of("model_published_timestamp_seconds", OF_A_MODEL)
    info = of("model_info", 'version!=""')
    labels = "group_left (version, architecture, classes)"
    return rows(
        "Models served",
        "s",
        text(
            "one row for each model and server; its age is the time since it was published.",
            "a model is missing: it has no version yet, or its folder is not in this repository.",
        ),
        Ask(f"time() - {published} * on (job, instance, model) {labels} {info}", "age"),
        columns={
            "model": "model",
            "version": "version",
            "architecture": "architecture",
            "classes": "classes",
            "instance": "server",
        },
    )


def _followers() -> Panel:
    return lines(
        "Followers by version",
        "none",
        text(
            "nearly all have the newest version, within seconds of its publication.",
            "some stay on an old one: they cannot load a newer, or do not ask. `older`: beyond the newest ten.",
            "follower-stuck",
        ),
        Ask(f"sum by (model, version) ({of('followers')})", "{{model}} {{version}}"),
        stacked=True,
    )


def _table() -> Panel:
    return rows(
        "Followers by version, now",
        "none",
        text(
            "one row, the newest version; two for a moment with each publication.",
            "who stays behind is found in the access log of your proxy: each asks with its version (`?after=`).",
            "follower-stuck",
        ),
        Ask(f"sum by (model, version) ({of('followers')}) > 0", "followers"),
        columns={"model": "model", "version": "version"},
    )


def _codes() -> Panel:
    return lines(
        "Requests by code",
        "reqps",
        text(
            "200 and 304; 206 for downloads that were resumed.",
            "404: no version yet, or somebody asks for what never was. 410: a retired version. 5xx: see faults.",
            "api",
        ),
        Ask(rate(SERVED, "code"), "{{code}}"),
        stacked=True,
    )


def _routes() -> Panel:
    return lines(
        "Requests by route",
        "reqps",
        text(
            "mostly the champion's manifest, and its file after each publication.",
            "the file as often as the manifest: clients do not keep what they have (If-None-Match).",
        ),
        Ask(rate(SERVED, "route"), "{{route}}"),
        stacked=True,
    )


def _latency() -> Panel:
    return lines(
        "Latency by route, 95 %",
        "s",
        text(
            "milliseconds for manifests; files take what the client's line takes; long polls what they wait.",
            "manifests are slow: the repository's disk, or too few cores.",
        ),
        Ask(quantile(0.95, "http_request_seconds", by="route", window="5m"), "{{route}}"),
    )


def _bytes() -> Panel:
    return lines(
        "Bytes sent by route",
        "Bps",
        text(
            "a peak with each publication, of the model's size times the followers.",
            "level and high: clients download again and again; see requests by route.",
        ),
        Ask(rate(of("http_response_bytes_total"), "route"), "{{route}}"),
        stacked=True,
    )


def _failed() -> Panel:
    return lines(
        "Share of requests that the server failed (5xx)",
        "percentunit",
        text(
            "0.",
            "503: the repository cannot be read, `/readyz` says why. 500: a fault of ours, in the log with its trace.",
            "api",
        ),
        Ask(f"({rate(FAILED)} or vector(0)) / ({rate(SERVED)} > 0)", "5xx"),
        limits=((None, "green"), (1 - API_SHARE, "red")),
    )


def _missing() -> Panel:
    return rows(
        "What was asked for and is not there (4xx), in the time shown",
        "short",
        text(
            "empty, or a few 404 before the first version.",
            "404 of a version: somebody pins what never was. 410: a pinned version was retired; raise publish.keep.",
        ),
        Ask(f"{increase(REJECTED, 'route, code')} > 0", "requests"),
        columns={"route": "route", "code": "code"},
    )
