"""The first thing that a supervised role runs: `python -m daemon.supervisor.child PARENT ARGUMENTS...`.

It binds its life to the supervisor's before anything else, then is `tidemill ARGUMENTS...`.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def bind_life_to(parent: int) -> None:
    """Be killed when `parent` dies, and end now where it is dead already. Elsewhere than on Linux: nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)


def main() -> None:
    """Run the role."""
    bind_life_to(int(sys.argv[1]))
    sys.argv = ["tidemill", *sys.argv[2:]]
    from daemon.cli import main as command_line  # noqa: PLC0415 - only once the life is bound

    command_line()


if __name__ == "__main__":
    main()
