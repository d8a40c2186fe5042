"""The program `tidemill`: answers Ctrl-C from its first moment, then is the command line.

The command line takes a second to load on a busy machine; without this a Ctrl-C in it would end in a traceback.
"""

import sys
from typing import NoReturn

from daemon.interrupts import interrupts_told

INTERRUPTED = 130
"""Exit status, as shells give it: 128 and the number of SIGINT."""


def main() -> NoReturn:
    """Run the command that the arguments name, and exit with its status."""
    try:
        with interrupts_told():
            from daemon.cli import main as command_line  # noqa: PLC0415 - see above

            command_line()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
