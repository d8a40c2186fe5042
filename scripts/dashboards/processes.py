"""What is known of every process: memory, CPU, and when it was started."""

from scripts.dashboards.panels import Panel, lines, rows, text
from scripts.dashboards.queries import SELECTED, Ask, of, process


def usage() -> list[Panel]:
    """Return memory and CPU of the chosen processes."""
    memory = lines(
        "Memory",
        "bytes",
        text(
            "level. An ingestor stays below 400 MB with its default settings; a learner takes what its network needs.",
            "it grows for hours: restart that role, which loses nothing, and keep a graph of it.",
        ),
        Ask(process("process_resident_memory_bytes"), "{{job}} {{instance}}"),
        width=8,
    )
    cpu = lines(
        "CPU",
        "none",
        text(
            "cores in use; the learner takes all that it is given while it trains.",
            "an ingestor at the number of its cores is the bottleneck: start another one.",
        ),
        Ask(f"rate(process_cpu_seconds_total{{{SELECTED}}}[$__rate_interval]){_ours()}", "{{job}} {{instance}}"),
        width=8,
    )
    return [memory, cpu]


def started() -> Panel:
    """Return a table of processes: what runs, in which version, since when."""
    since = f"(time() - process_start_time_seconds{{{SELECTED}}})"
    return rows(
        "Processes",
        "s",
        text(
            "one version everywhere, and times as long as since the last deployment.",
            "a short time without a deployment: it died. Its log ends with the reason.",
            "instance-down",
        ),
        Ask(f"{since} * on (job, instance) group_left (role, version, python) {of('build_info')}", "runs since"),
        columns={"role": "role", "instance": "instance", "version": "version", "python": "Python"},
        width=8,
    )


def _ours() -> str:
    return f" and on (job, instance) {of('build_info')}"
