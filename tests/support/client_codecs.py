"""What the Kafka client unpacks with, put back as it was: `streaming.codecs.install` counts for the whole process."""

from contextlib import contextmanager

import kafka.codec
from kafka.record import default_records, legacy_records


@contextmanager
def client_restored():
    """Let the client have, after the block, the functions that it had before."""
    places = [
        (module, name)
        for module in (default_records, legacy_records, kafka.codec)
        for name in vars(module)
        if name.endswith("_decode") or name.startswith(("has_", "lz4_decode"))
    ]
    before = [getattr(module, name) for module, name in places]
    try:
        yield
    finally:
        for (module, name), function in zip(places, before, strict=True):
            setattr(module, name, function)
