"""The command line. `main` is the command `tidemill`; each command has a file, and imports what it needs when it runs.

So `tidemill --help` is quick, and torch is loaded by nothing but `learn`.
"""

from daemon.cli.main import main

__all__ = ["main"]
