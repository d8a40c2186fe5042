"""The keys of the processes: folders, ports, logs and the supervisor."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr

from daemon.config.section import Port, Section, shaped


def _as_path(value: object) -> object:
    if isinstance(value, str) and "://" in value:
        raise ValueError("an address, and no path")
    return Path(value) if isinstance(value, str) and value else value


Folder = Annotated[
    Path, BeforeValidator(_as_path), Field(json_schema_extra={"right": "a path on this machine, no address"})
]


class Paths(Section):
    """Folders on this machine."""

    state: Folder = Path("state")
    """The learner's state directory: database, segments, weights."""
    repository: Folder = Path("models")
    """The model repository."""


HOST_WORDS = "host names, *.ENDING, or addresses, without ports"
HOST_SHAPE = r"^((\*\.)?[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?\.?|\[[0-9A-Fa-f:.]+\])$"
HostName = Annotated[str, shaped(HOST_SHAPE, HOST_WORDS, max_length=253)]


class Http(Section):
    """The HTTP API of `tidemill serve`."""

    host: Annotated[str, shaped(r"^[^\s/]+$", "a host name or an address, as 127.0.0.1 or 0.0.0.0")] = "127.0.0.1"
    """The address that every role listens on; 0.0.0.0 for all of the machine's."""
    port: Port = 8080
    """The API's port, with its own /metrics, /livez and /readyz; 0: any free one."""
    rollback_token: SecretStr = SecretStr("")
    """Bearer token of the rollback request; empty: the request is off."""
    allowed_hosts: Annotated[
        tuple[HostName, ...], Field(max_length=1_000, json_schema_extra={"right": f"a list of {HOST_WORDS}"})
    ] = ()
    """Names that `tidemill serve` answers to (421 under others), as models.internal or *.internal; empty: any."""
    page: bool = True
    """Whether `/` shows a page for people; it needs no token, and shows quarantined images. false: no page."""


class Ingest(Section):
    """An ingestor."""

    port: Port = 8081
    """/metrics, /livez and /readyz of an ingestor; 0: any free port."""
    name: Annotated[
        str, shaped(r"^[A-Za-z0-9._-]*$", "at most 100 letters, digits, dots, dashes and underscores", max_length=100)
    ] = ""
    """The ingestor's name: Kafka's client id and the brake's name; empty: the host's name."""
    workers: Annotated[int, Field(ge=0, le=1024)] = 0
    """Threads that decode; 0: one for each core."""
    decode_bytes_max: Annotated[int, Field(ge=1_000_000, le=1_000_000_000_000)] = 150_000_000
    """Bytes of memory for all images that are decoded at once; one that takes more is too_many_pixels."""


class Learn(Section):
    """The learner."""

    port: Port = 8082
    """/metrics, /livez, /readyz and /status of the learner; 0: any free port."""
    device: Annotated[str, shaped(r"^(auto|cpu|cuda(:\d+)?)$", "auto, cpu, cuda, or one device as cuda:1")] = "auto"
    """auto: cuda if there is one, else cpu."""
    threads: Annotated[int, Field(ge=0, le=256)] = 0
    """Threads that torch computes with on a CPU; 0: torch's own choice."""


class Log(Section):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is written."""
    format: Literal["auto", "console", "json"] = "auto"
    """auto: console on a terminal, else JSON lines."""
    otlp: Annotated[
        str, shaped(r"^(https?://[^\s/@?#]+(/[^\s@?#]*)?)?$", "a URL as http://collector:4318, without user or query")
    ] = ""
    """OTLP/HTTP collector that spans are sent to; /v1/traces is appended to a URL without a path. Empty: none."""


class Run(Section):
    """The supervisor of `tidemill run`."""

    port: Port = 8083
    """/metrics (role_up), /livez and /readyz of the supervisor; 0: any free port."""
    restart_max: Annotated[int, Field(ge=0, le=1_000)] = 5
    """Deaths of one role within restart_window_s that are restarted; one more, and it is given up for ten minutes."""
    restart_window_s: Annotated[float, Field(ge=1, le=86_400)] = 120.0
    """Seconds over which deaths are counted."""
    stop_timeout_s: Annotated[float, Field(ge=0.1, le=24)] = 20.0
    """Seconds that all roles together have to stop before they are killed."""
