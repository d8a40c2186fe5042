"""What the learner keeps, on the dashboard Learning: samples, labels, versions, disks."""

from scripts.dashboards.panels import Panel, below, lines, text
from scripts.dashboards.queries import Ask, increase, of


def samples() -> list[Panel]:
    """Return the sample store, its labels, and images whose label changed."""
    return [_store(), _classes(), _relabelled()]


def disks() -> list[Panel]:
    """Return versions, bytes, and what is free."""
    return [_versions(), _disks(), _free()]


def _store() -> Panel:
    return lines(
        "Samples stored",
        "short",
        text(
            "train grows to what store.bytes_max holds, then level; suspect and quarantined near 0.",
            "quarantined grows: somebody sends what cannot be learnt: `tidemill quarantine list`.",
            "quarantine-growing",
        ),
        Ask(f"max by (role) ({of('store_samples')})", "{{role}}"),
        width=8,
    )


def _classes() -> Panel:
    return lines(
        "Labels by state",
        "none",
        text(
            "a step of class is a class that joined or left (marked).",
            "near or waiting grow: labels come that are typing errors, or too rare to become classes.",
        ),
        Ask(f"max by (state) ({of('classes')})", "{{state}}"),
        width=8,
    )


def _relabelled() -> Panel:
    return lines(
        "Images that came under another label",
        "short",
        text(
            "none, or applied while somebody corrects labels.",
            "limit, distrusted, contradicted: they wait for a person: `tidemill quarantine list`.",
            "quarantine-growing",
        ),
        Ask(increase(of("relabelled_samples_total"), "outcome", "$__rate_interval"), "{{outcome}}"),
        width=8,
        bars=True,
        stacked=True,
        interval="1m",
    )


def _versions() -> Panel:
    return lines(
        "Versions in the repository",
        "none",
        text(
            "up to publish.keep, store.versions_kept and what publish.keep_s holds, then level.",
            "it grows on: old versions cannot be deleted; the learner's log says why.",
            "disk-filling",
        ),
        Ask(f"max({of('repository_versions')})", "versions"),
        width=8,
    )


def _disks() -> Panel:
    return lines(
        "Bytes stored",
        "bytes",
        text(
            "level once store.bytes_max and publish.keep are reached.",
            "see what is free, beside.",
            "disk-filling",
        ),
        Ask(f"max({of('store_bytes')})", "sample store"),
        Ask(f"max({of('repository_bytes')})", "repository"),
        width=8,
    )


def _free() -> Panel:
    return lines(
        "Free on disk",
        "percentunit",
        text(
            "above 15 %.",
            "at 0 the learner waits (outage: disk), nothing is lost. Free some; lower store.bytes_max or publish.keep.",
            "disk-filling",
        ),
        Ask(f"{of('disk_free_bytes')} / {of('disk_size_bytes')}", "{{instance}} {{folder}}"),
        width=8,
        limits=below(0.05, 0.15),
        top=1,
    )
