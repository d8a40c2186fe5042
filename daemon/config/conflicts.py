"""Values that are possible each on its own, but not together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.config.redis_url import faults
from daemon.config.section import as_label

if TYPE_CHECKING:
    from daemon.config.tree import Config

ENTRY_OVERHEAD_BYTES = 256
"""About what Redis needs for a sample beside its pixels."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A key whose value does not fit another's; `expected` says what would."""

    key: str
    expected: str


def conflicts(config: Config) -> Iterator[Conflict]:
    """Yield every contradiction in `config`."""
    yield from _rounds(config)
    yield from _topics(config)
    yield from (Conflict("redis.url", text) for text in faults(config.redis.url.get_secret_value()))
    yield from _sasl(config)
    yield from _classes(config)
    yield from _space(config)


def _rounds(config: Config) -> Iterator[Conflict]:
    one = config.round
    if one.min_samples > one.samples:
        yield Conflict("round.min_samples", f"at most round.samples, which is {one.samples}")
    if one.steps_min > one.steps_max:
        yield Conflict("round.steps_min", f"at most round.steps_max, which is {one.steps_max}")


def _topics(config: Config) -> Iterator[Conflict]:
    kafka = config.kafka
    twice = [name for name, count in Counter(kafka.topics).items() if count > 1]
    if twice:
        yield Conflict("kafka.topics", f"each topic once, but {twice[0]} stands there more than once")
    for name in kafka.topics:
        if len(name) + len(kafka.dlq_suffix) > 249:
            yield Conflict(
                "kafka.topics", f"names short enough for the suffix {kafka.dlq_suffix} within 249 characters"
            )
        if name.removesuffix(kafka.dlq_suffix) in kafka.topics and name.endswith(kafka.dlq_suffix):
            yield Conflict("kafka.topics", f"no topic of dead letters of another topic, as {name} is")
        if name == kafka.announce_topic:
            yield Conflict("kafka.announce_topic", f"another topic than those of kafka.topics, which hold {name}")


def _sasl(config: Config) -> Iterator[Conflict]:
    kafka = config.kafka
    if kafka.security_protocol.startswith("SASL_"):
        if not kafka.sasl_mechanism:
            yield Conflict(
                "kafka.sasl_mechanism", f"given, because kafka.security_protocol is {kafka.security_protocol}"
            )
        if not kafka.sasl_username:
            yield Conflict(
                "kafka.sasl_username", f"given, because kafka.security_protocol is {kafka.security_protocol}"
            )
    elif kafka.sasl_mechanism:
        yield Conflict("kafka.security_protocol", "SASL_PLAINTEXT or SASL_SSL, because kafka.sasl_mechanism is given")


def _classes(config: Config) -> Iterator[Conflict]:
    model = config.model
    twice = [name for name, count in Counter(model.classes).items() if count > 1]
    if twice:
        yield Conflict(
            "model.classes", f"each class once, but {twice[0]} stands there more than once, as labels are read"
        )
    if len(model.classes) == 1:
        yield Conflict("model.classes", "none, or at least two")
    if unfit := next((why for name in model.classes if (why := as_label(name)[1])), None):
        yield Conflict("model.classes", f"names that labels may have, but {unfit}")
    if len(model.classes) > model.classes_max:
        yield Conflict("model.classes_max", f"at least the {len(model.classes)} of model.classes")
    if config.store.waiting_max < model.class_min_samples:
        text = f"at least {model.class_min_samples}: model.class_min_samples wait before their label is a class"
        yield Conflict("store.waiting_max", text)


def port_conflicts(config: Config) -> Iterator[Conflict]:
    """Yield the ports that two roles of one machine would share; no matter where each role has its own machine."""
    seen: dict[int, str] = {}
    for role in ("http", "ingest", "learn", "run"):
        port: int = getattr(config, role).port
        if port and port in seen:
            yield Conflict(f"{role}.port", f"another port than {seen[port]}.port, or 0 for any free one")
        seen.setdefault(port, role)


def _space(config: Config) -> Iterator[Conflict]:
    pixels = config.image.size**2 * 3
    smallest = config.round.min_samples * (pixels + ENTRY_OVERHEAD_BYTES)
    if config.buffer.bytes_max < smallest:
        text = f"at least {smallest}: round.min_samples ({config.round.min_samples}) images of image.size"
        yield Conflict("buffer.bytes_max", f"{text} ({config.image.size}), or no round could ever start")
    if config.store.bytes_max < config.round.min_samples * pixels:
        yield Conflict(
            "store.bytes_max", f"at least {config.round.min_samples * pixels}: the images of a smallest round"
        )
