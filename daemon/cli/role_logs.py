"""The log of a role: from its first line, before the configuration is read, to its last."""

import logging
from collections.abc import Sequence

import structlog

from daemon.cli.options import Given
from daemon.config import Config
from daemon.log_hooks import tell_the_uncaught
from daemon.logs import configure
from daemon.masking import secrets_of
from daemon.version import VERSION

_role = ""
"""The role that this process is; empty for any other command."""


def begin_logs(told: Given, role: str) -> None:
    """Set up a role's log as far as the configuration can be read: what is wrong with it is told in that format, too.

    From here on everything that the process says is a line of its log; a fatal signal's stack alone is not.
    """
    global _role  # noqa: PLW0603 - a process is one role, for its life
    configure("info", told.log_form(), role, libraries=logging.WARNING)
    tell_the_uncaught()
    _role = role


def start_logs(config: Config, role: str) -> None:
    """Set up logging for a role, and say that it starts: no secret of the configuration is ever written."""
    configure(config.log.level, config.log.format, role, secrets=secrets_of(config))
    tell_the_uncaught()
    structlog.get_logger().info("starting", version=VERSION)


def last_words(lines: Sequence[str], setting: str, exit_code: int) -> bool:
    """Write what ends a role as lines of its log; False, and nothing, where this process is no role."""
    if not _role:
        return False
    facts = {"setting": setting} if setting else {}
    for line in lines:
        structlog.get_logger().critical(line.strip(), exit_status=exit_code, **facts)
    return True


def forget_role() -> None:
    """This process is no role (any more): commands that follow in it speak as commands do."""
    global _role  # noqa: PLW0603 - see begin_logs
    _role = ""
