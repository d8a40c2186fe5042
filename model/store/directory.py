"""The state directory: the learner's one durable memory."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from model.store.facts import Batch, Claim, Commit, Replay, StoreRules
from model.store.ledger import Ledger
from model.window import Window

FaultPoint = Callable[[str], None]


class StateDirectory:
    """Owner of `<state>/`: `.lock`, `tidemill.db`, `segments/`, `weights/`. One at a time; not for several threads.

    `ledger` answers every question about what was committed. The methods here change the state, or read pixels.
    Any OSError (StateUnavailableError among them) means that nothing changed and the call may be repeated.
    """

    ledger: Ledger

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        size: int,
        rules: StoreRules,
        now_ms: Callable[[], int],
        reached: FaultPoint = lambda _step: None,
    ) -> Self:
        """Make or open the directory, lock it for life, sweep what no row names, check that what rows name is there.

        `size` is the side of the square pictures, fixed when the directory is made. `reached` is told each durable
        step (`segment.before`, `segment.after`, `claim.before`, `claim.inside`, `claim.after`, the same for
        `commit`, `weights` and `compaction`): tests crash there. Raises StateError.
        """
        ...

    def close(self) -> None:
        """Let go of database, files and lock."""

    def __enter__(self) -> Self: ...
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...

    def claim(self, window: Window, *, seed: int, state: str | None) -> Claim:
        """Write the window's segment, then claim the next round in one transaction.

        Raises BrokenChainError, OutOfTurnError (a claim is open, or a version is unpublished), OSError.
        """
        ...

    def open_claim(self) -> Claim | None:
        """Return the claim that is not committed yet, as it was made."""
        ...

    def count_attempt(self, round_number: int) -> int:
        """Count one more attempt (a failure of training) at the open claim; return how many there are now."""
        ...

    def count_death(self, round_number: int) -> int:
        """Count one more death of the process within the open claim; return how many there are now."""
        ...

    def fresh(self, claim: Claim) -> Batch:
        """Return the claim's training samples in claim order."""
        ...

    def held_out(self, claim: Claim) -> Batch:
        """Return the claim's held-out samples in claim order."""
        ...

    def window(self, claim: Claim) -> Batch:
        """Return training and held-out samples in claim order: what the champion is scored on before learning."""
        ...

    def draw_replay(self, claim: Claim, n: int, rng: np.random.Generator) -> Replay:
        """Draw `n` training samples accepted before the claim, a sample's chance going with n_c^-0.5 of its class.

        Without replacement inside a class while it lasts. The same for the same claim and generator, whatever
        happened since. The cost does not depend on the size of the store.
        """
        ...

    def holdout(self, limit: int = 4_000, batch: int = 256) -> Iterator[Batch]:
        """Iterate over the accepted held-out samples before the open claim: at most `limit`, evened out by class."""
        ...

    def commit(self, claim: Claim, commit: Commit) -> None:
        """End the round in one transaction. Raises OutOfTurnError, ValueError (contradictory commit), OSError."""

    def mark_published(self, version: int) -> None:
        """Note that the version is whole in the repository and that the pointer names it. Safe to repeat."""

    def weights_path(self, digest: str) -> Path:
        """Return where the weights file of this digest lies."""
        ...

    def adopt_weights(self, file: Path, digest: str) -> Path:
        """Make a finished file durable and move it in. `digest`: the hex sha256 of its bytes.

        The file must lie on the same file system (`<state>/weights/` is the place to write it). It is swept at the
        next start unless a commit names it.
        """
        ...

    def tidy(self) -> "Tidied":
        """Remove files that no row names any more, and rewrite one emptied segment. After publication; repeatable."""
        ...
