"""Headers of Spring for Apache Kafka: its mapper writes texts as JSON, and beside them one header with their types."""

import json
from collections.abc import Mapping

TYPES = "spring_json_header_types"
"""The header in which the mapper (`DefaultKafkaHeaderMapper.JSON_TYPES`) names the Java type of each it wrote."""
BYTES_MAX = 65_536
"""A longer header of types is not read."""


def unquoted(headers: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """Return the headers, by lower-cased name, with the JSON strings among them that Spring wrote as what they mean.

    A header is one of these if the header of types names it, whatever its Java type (a String, a UUID, an Instant), and
    its value is a JSON string. The mapper also writes strings bare (`encodeStrings=false`), and what it does not name
    others wrote, who may mean their quotes: these stay as they are.
    """
    types = headers.get(TYPES)
    if types is None:
        return headers
    mapped = _mapped(types)
    return {name: _text_of(value) if name in mapped else value for name, value in headers.items()}


def _mapped(types: bytes) -> set[str]:
    value = _read(types) if len(types) <= BYTES_MAX else None
    return {name.lower() for name in value} if isinstance(value, dict) else set()


def _text_of(value: bytes) -> bytes:
    if len(value) > BYTES_MAX or not (value.startswith(b'"') and value.endswith(b'"')):
        return value
    text = _read(value)
    # A lone surrogate becomes bytes that are no UTF-8: whoever reads the header refuses it.
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else value


def _read(value: bytes) -> object:
    try:
        read: object = json.loads(value.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return read
