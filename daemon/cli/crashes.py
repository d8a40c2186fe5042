"""What Python and the option parser would print of an error by themselves, without the secrets in it."""

import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import typer
from typer.core import TyperGroup

from daemon.masking import MASK, masked

_USAGE: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


class Commands(TyperGroup):
    """The commands; an error of the option parser repeats what was given, so that is masked."""

    given: Sequence[str] = ()

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **more: Any) -> Any:
        """Read the options before the command's name."""
        self.given = tuple(args)
        with self._masking():
            return super().make_context(info_name, args, *rest, **more)

    def invoke(self, ctx: Any) -> Any:
        """Read the command's options, and run it."""
        with self._masking():
            return super().invoke(ctx)

    @contextmanager
    def _masking(self) -> Iterator[None]:
        try:
            yield
        except _USAGE as error:
            message = str(error.message)
            # An address or a KEY=VALUE in the wrong place: what it holds is not known, so none of it is told.
            for one in sorted(filter(_may_hold_a_secret, self.given), key=len, reverse=True):
                message = message.replace(one, MASK)
            error.message = masked(message)
            raise


def _may_hold_a_secret(argument: str) -> bool:
    return "@" in argument or "://" in argument or "=" in argument


def print_masked(kind: type[BaseException], error: BaseException, at: TracebackType | None) -> None:
    """Write the traceback of a crash to standard error (`sys.excepthook`)."""
    if issubclass(kind, KeyboardInterrupt):
        return
    sys.stderr.write(masked("".join(traceback.format_exception(kind, error, at))))
