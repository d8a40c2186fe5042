"""One role as a process: started, killed, frozen, stopped in order; and what it costs while it lives."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]
LAST_WORDS = 4_000
STOP_TIMEOUT_S = 30.0


class UnexpectedEndError(AssertionError):
    """A role ended that nobody had killed."""


class RoleProcess:
    """`name` is its own ("learn", "ingest-0"); all its lives write to one log, `<folder>/<name>.log`."""

    def __init__(self, name: str, command: list[str], folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.fuse = folder / f"{name}.fuse"
        self.lives = 0
        self._command = command
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._frozen = False

    @property
    def pid(self) -> int:
        """The living process."""
        assert self._process is not None, f"{self.name} was never started"
        return self._process.pid

    def start(self, *more: str) -> None:
        """Start a new life; `more` are further arguments."""
        assert not self.alive(), f"{self.name} lives already"
        self.lives += 1
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.role", *self._command, "--fuse", str(self.fuse), *more],
                cwd=self._folder,
                stdin=subprocess.PIPE,  # it ends with us
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE)},
            )

    def alive(self) -> bool:
        """Return whether it runs, frozen or not."""
        return self._process is not None and self._process.poll() is None

    @property
    def status(self) -> int | None:
        """How the last life ended: the exit status, negative for a signal; None while it lives."""
        return None if self._process is None else self._process.poll()

    def kill(self) -> None:
        """Kill as a crash would, and return when it is gone."""
        if self._process is not None:
            self._process.kill()
            self._end()

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """Stop in order, as a supervisor does; return the exit status. Fails where SIGTERM is not enough."""
        assert self._process is not None, f"{self.name} was never started"
        self.thaw()
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"{self.name} did not stop within {timeout_s} s of SIGTERM:\n{self.tail()}") from error
        finally:
            if self._process.poll() is not None:
                self._end()

    def freeze(self) -> None:
        """Stop the clock for it (SIGSTOP)."""
        self._frozen = True
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Undo `freeze`."""
        if self._frozen and self.alive():
            os.kill(self.pid, signal.SIGCONT)
        self._frozen = False

    def light(self, point: str, times: int = 1) -> None:
        """Let it kill itself when it reaches the named step for the n-th time from now."""
        self.fuse.with_suffix(".new").write_text(f"{point} {times}", encoding="utf-8")
        self.fuse.with_suffix(".new").replace(self.fuse)

    def unlight(self) -> bool:
        """Take the fuse away; return whether there was one still."""
        with suppress(FileNotFoundError):
            self.fuse.unlink()
            return True
        return False

    def seen(self) -> set[str]:
        """Return the named steps that any life reached."""
        file = self.fuse.with_suffix(".seen")
        return set(file.read_text(encoding="utf-8").splitlines()) if file.exists() else set()

    def check_alive(self) -> None:
        """Raise UnexpectedEndError where it is dead."""
        if not self.alive():
            raise UnexpectedEndError(f"{self.name} ended by itself with status {self.status}:\n{self.tail()}")

    def tail(self) -> str:
        """Return the end of its log."""
        if not self.log.exists():
            return "(no log)"
        return self.log.read_bytes()[-LAST_WORDS:].decode(errors="replace")

    def close(self) -> None:
        """Kill it, if it lives."""
        if self.alive():
            self.kill()

    def _end(self) -> None:
        assert self._process is not None
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._frozen = False
