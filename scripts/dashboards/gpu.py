"""The GPU, by the names that NVIDIA's DCGM exporter gives, which is scraped by a job of its own."""

from scripts.dashboards.panels import Panel, lines, text
from scripts.dashboards.queries import Ask

HOSTS = "label_values(DCGM_FI_DEV_GPU_UTIL, Hostname)"
ON = "{{Hostname}} GPU {{gpu}}"


def gpu() -> list[Panel]:
    """Return the panels of a row; without an exporter they say that there is none yet."""
    return [
        lines(
            "GPU in use",
            "percent",
            text(
                "high while a round trains, 0 between rounds.",
                "low while it trains: the CPU does not keep up with feeding it; raise round.batch, or give more cores.",
            ),
            Ask(_of("GPU_UTIL"), ON),
            width=6,
            top=100,
        ),
        lines(
            "GPU memory",
            "mbytes",
            text(
                "level after the first rounds.",
                "little is left: lower round.batch. Another process may hold the rest: `nvidia-smi`.",
            ),
            Ask(_of("FB_USED"), f"{ON} used"),
            Ask(_of("FB_FREE"), f"{ON} free"),
            width=6,
            stacked=True,
        ),
        lines(
            "GPU power and temperature",
            "none",
            text(
                "watts below the card's limit, and below about 85 degrees Celsius.",
                "at the limit the card slows down: cool it, or accept slower rounds.",
            ),
            Ask(_of("POWER_USAGE"), f"{ON} W"),
            Ask(_of("GPU_TEMP"), f"{ON} °C"),
            width=6,
        ),
        lines(
            "GPU faults (XID)",
            "none",
            text(
                "0.",
                "the number of the last fault, as NVIDIA lists them. 48, 63, 79, 94, 95: the card or its memory fails; "
                "move the learner to another one.",
            ),
            Ask(_of("XID_ERRORS"), ON),
            width=6,
        ),
    ]


def _of(name: str) -> str:
    return f'DCGM_FI_DEV_{name}{{Hostname=~"$gpu_host"}}'
