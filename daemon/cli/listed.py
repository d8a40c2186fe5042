"""A sample as commands list it in JSON."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from model.store.facts import SampleName


def listed(name: "SampleName", predicted: str | None) -> dict[str, Any]:
    """Return which sample it is, who sent it, where it lies in Kafka, and what the model took it for."""
    return {
        "id": name.sample_id,
        "label": name.label,
        "predicted": predicted,
        "source": name.source,
        "topic": name.log.topic,
        "partition": name.log.partition,
        "offset": name.offset,
    }
