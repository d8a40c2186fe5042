"""What log.otlp costs an ingestor: `python -m tests.benchmarks.traced_ingest [REPEATS]`.

The same ingestor on the same topic, with and without a collector, in turn. Each record bears a trace context of its
own, which is the most that there can be to link to. Of processor time and of records a second; the first is what a
busy machine does not blur.
"""

import resource
import statistics
import sys

from tests.benchmarks.ingest_rate import fill, ingestor
from tests.servers.kafka import KafkaServer
from tests.servers.redis import RedisServer
from tests.support.collector import collecting

RECORDS = 6_000


def children_s() -> float:
    """Return the processor seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main(repeats: int) -> None:
    """Run both in turn and print medians."""
    rates: dict[str, list[float]] = {"untraced": [], "traced": []}
    spent: dict[str, list[float]] = {"untraced": [], "traced": []}
    kafka, server = KafkaServer(), RedisServer()
    try:
        kafka.start()
        server.start()
        fill(kafka.bootstrap, "bench", RECORDS, traced=True)
        for turn in range(repeats):
            for kind in ("untraced", "traced"):
                with collecting() as collector:
                    otlp = collector.url if kind == "traced" else ""
                    before = children_s()
                    rates[kind].append(
                        ingestor(kafka.bootstrap, server.url, "bench", RECORDS, f"{kind}-{turn}", otlp=otlp)
                    )
                    spent[kind].append(children_s() - before)
                    print(kind, round(rates[kind][-1]), "records/s", round(spent[kind][-1], 2), "CPU s", flush=True)
                    if otlp:
                        print("  spans that came:", len(collector.spans("ingest batch")))
    finally:
        kafka.close()
        server.close()
    for name, found in (("records/s", rates), ("CPU s of the ingestor", spent)):
        traced, untraced = statistics.median(found["traced"]), statistics.median(found["untraced"])
        print(f"{name}: untraced {untraced:.2f}, traced {traced:.2f}, ratio {traced / untraced:.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
