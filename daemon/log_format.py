"""What becomes of a log line's facts: secrets masked, sizes bounded, one line each."""

import json
import math
import re
import sys
import traceback
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

TRACEBACK_MAX = 20_000
"""Characters of a traceback: one that recurses is longer than whoever reads it has time for."""
TEXT_MAX = 20_000
"""Characters of any other text: what a library puts into its message may be a whole answer of a server."""
MASK = "***"
_SECRET_KEY = re.compile(r"password|passwd|secret|token|authorization", re.IGNORECASE)
_CREDENTIALS = re.compile(r"(://[^/\s:@]*:)[^@\s]+@|\b(bearer\s+)\S+", re.IGNORECASE)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def traceback_of(error: BaseException) -> str:
    """Return the traceback of an error and of what caused it, for a line's `exception`; of a long one both ends.

    As text: to hand over the error itself would have some renderers print each frame's variables, pictures included.
    """
    text = "".join(traceback.format_exception(error)).strip()
    if len(text) <= TRACEBACK_MAX:
        return text
    # Which call it began with, and what was raised where: an error's own words may be longer than all frames.
    return f"{text[: TRACEBACK_MAX // 4]}\n… (cut)\n{text[-(3 * TRACEBACK_MAX // 4 - 10) :]}"


def trace_errors(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Turn `exc_info` (an error, a triple, or True within `except`) into the text `exception`."""
    given = event.pop("exc_info", None)
    if given:
        error = _error_of(given)
        event["exception"] = traceback_of(error) if error is not None else "no error was handed over"
    return event


def _error_of(given: Any) -> BaseException | None:
    if isinstance(given, BaseException):
        return given
    error: BaseException | None = (given if isinstance(given, tuple) else sys.exc_info())[1]
    return error


def adding(**facts: object) -> Processor:
    """Return a processor that adds facts to each line that does not say them itself."""

    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        for key, value in facts.items():
            event.setdefault(key, value)
        return event

    return add


def masking(secrets: tuple[str, ...]) -> Processor:
    """Return a processor that masks `secrets`, and whatever looks like one."""

    def mask_text(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, MASK)
        return _CREDENTIALS.sub(lambda match: f"{match[1]}{MASK}@" if match[1] else f"{match[2]}{MASK}", text)

    def mask(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        for key, value in event.items():
            if _SECRET_KEY.search(key) and value:
                event[key] = MASK
            elif isinstance(value, str):
                event[key] = mask_text(value)
            elif isinstance(value, BaseException):
                event[key] = mask_text(f"{type(value).__name__}: {value}")
        return event

    return mask


def bound(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Cut texts that are too long, and say how much is missing; a traceback is cut already."""
    for key, value in event.items():
        if isinstance(value, str) and len(value) > TEXT_MAX and key != "exception":
            event[key] = f"{value[:TEXT_MAX]}… ({len(value) - TEXT_MAX} characters more)"
    return event


def renderer(*, console: bool, colors: bool) -> Processor:
    """Return what makes one line of a line's facts; for people (`console`) a traceback follows on lines of its own."""
    if not console:
        return _as_json
    # Exceptions are masked texts by now; the default formatter would print each frame's variables, secrets included.
    people = structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)

    def render(logger: WrappedLogger, method: str, event: EventDict) -> Any:
        # What a record or a server says must neither begin a line of its own nor move the terminal's cursor.
        for key, value in event.items():
            if isinstance(value, str) and key != "exception" and _CONTROL.search(value):
                event[key] = _CONTROL.sub(lambda match: repr(match[0])[1:-1], value)
        return people(logger, method, event)

    return render


def _as_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    try:
        return json.dumps(event, default=str, allow_nan=False)
    except ValueError:  # nan and inf are no JSON, and strict readers refuse the whole line
        return json.dumps(_finite(event), default=str)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return value
