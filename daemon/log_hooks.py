"""What a role says of what nobody caught: through the same handler, as `critical`, a traceback as one field.

A fatal signal (a segmentation fault in a library) is told by faulthandler: as raw text, for nothing else runs then.
"""

import faulthandler
import io
import sys
from types import TracebackType

import structlog

from daemon.log_format import traceback_of


def tell_the_uncaught() -> None:
    """Have what ends the process, and what Python can only ignore, told by the log. For the whole process."""
    sys.excepthook = _died
    sys.unraisablehook = _ignored
    try:
        faulthandler.enable(file=sys.stderr, all_threads=True)
    except (io.UnsupportedOperation, AttributeError, ValueError):
        return  # standard error is no file: nothing could be written to it without Python


def _died(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    if isinstance(error, KeyboardInterrupt):
        structlog.get_logger().critical("interrupted, and ends")
        return
    told = f"the process ends by an error that nobody foresaw: {type(error).__name__}: {error}"
    structlog.get_logger().critical(told, exception=traceback_of(error))


def _ignored(unraisable: "sys.UnraisableHookArgs") -> None:
    what = unraisable.err_msg or "an error was ignored, for nobody can catch it there"
    error = unraisable.exc_value
    trace = {"exception": traceback_of(error)} if error is not None else {}
    structlog.get_logger().error(what, at=repr(unraisable.object)[:200], **trace)
