"""Names that several processes must agree on."""

import socket

from daemon.config import Config


def ingestor_name(config: Config) -> str:
    """Return the ingestor's name, which its brake goes by too: ingest.name, else the host's name."""
    return config.ingest.name or socket.gethostname()
