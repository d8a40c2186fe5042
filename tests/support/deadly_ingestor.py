"""An ingestor whose decoder kills its own process at one offset: python -m tests.support.deadly_ingestor ARGUMENTS."""

import os
import signal
import sys
import threading
import time

from daemon.ingest.build import IngestorParts, build_ingestor
from daemon.ingest.options import IngestOptions
from daemon.ingest.pictures import RecordPictures
from model.pictures import ImageDecoder
from streaming.dead_letters import DeadLetterOptions
from streaming.decoder import Decoded, Decoder
from streaming.kafka_options import KafkaOptions
from streaming.kafka_source import SourceOptions
from streaming.records import Record
from streaming.redis_buffer import RedisIngestBuffer
from streaming.redis_client import RedisConnection


class DeadlyDecoder(Decoder):
    """Kills the process, as the kernel does where memory ends, at one offset."""

    deadly = -1

    def decode(self, record: Record) -> Decoded:
        """Decode, or die."""
        if record.offset == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().decode(record)


def main(bootstrap: str, redis_url: str, topic: str, job: str, name: str, deadly: str) -> None:
    """Run until SIGTERM."""
    decoder = DeadlyDecoder(RecordPictures(ImageDecoder(8, 1_000_000, 1_000_000)))
    decoder.deadly = int(deadly)
    parts = IngestorParts(
        KafkaOptions(bootstrap),
        SourceOptions(f"tidemill-{job}", (topic,), session_timeout_ms=1_000),
        DeadLetterOptions(create_topics=True),
        IngestOptions(name, job, workers=1),
    )

    def now_ms() -> int:
        return time.time_ns() // 1_000_000

    buffer = RedisIngestBuffer(RedisConnection(redis_url), job, now_ms)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    build_ingestor(parts, decoder, buffer, time.monotonic, now_ms).run(stop)


if __name__ == "__main__":
    main(*sys.argv[1:])
