"""The state directory: the learner's one durable memory."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from model.durable import PRIVATE_FILE, adopt, sync_file
from model.store import champions, failures, recollections, replay
from model.store.adoption import write_adoption
from model.store.batches import read_batch
from model.store.claims import (
    Beginning,
    claimed_samples,
    known_to,
    released_to_training,
    share_for_claim,
    write_challenge,
    write_claim,
    write_retry,
)
from model.store.commits import check_commit, eviction_generator, write_commit
from model.store.compaction import Tidied, compact
from model.store.database import connect, create_or_check, transaction
from model.store.errors import MissingFileError, OutOfTurnError
from model.store.eviction import evict
from model.store.facts import Batch, Claim, Commit, Replay, Role, StoreRules
from model.store.folders import WEIGHTS, WEIGHTS_SUFFIX, check_files, prepare, remove_file
from model.store.handlers import HANDLERS
from model.store.kept_answers import KeptAnswers, read_answers
from model.store.ledger import Ledger
from model.store.lock import DirectoryLock
from model.store.misses import write_drift
from model.store.parcels import members
from model.store.planning import check_chain, plan
from model.store.raised import Raised
from model.store.requests import Event, Handler, Request, answer_request, remove_request, take_requests
from model.store.retention import Retirements, keep_weights
from model.store.screenings import recent_screenings
from model.store.segments import SEGMENTS_FOLDER as SEGMENTS
from model.store.segments import Segments
from model.window import Window

FaultPoint = Callable[[str], None]


class StateDirectory:
    """Owner of `<state>/`: `.lock`, `tidemill.db`, `segments/`, `weights/`. One at a time; for one thread.

    `ledger` answers every question about what was committed. The methods here change the state, or read pixels.
    An OSError (StateUnavailableError among them) means that nothing changed and that the call may be repeated.
    """

    def __init__(
        self,
        path: Path,
        opened: tuple[DirectoryLock, sqlite3.Connection, Segments],
        rules: StoreRules,
        now_ms: Callable[[], int],
        reached: FaultPoint,
    ) -> None:
        """Use `open`."""
        self.path = path
        self._lock, self._database, self._segments = opened
        self.ledger, self.raised = Ledger(self._database), Raised(self._database)
        self.retirements = Retirements(self._database, now_ms, reached)
        self.rules = rules
        self._now_ms = now_ms
        self._reached = reached
        self._dead_segments: list[str] = []
        self._dead_weights: list[str] = []

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
        step: `segment`, `claim`, `weights`, `commit`, `publication`, `settled`, `request`, `adoption`, `retirement` and
        `compaction`, each with `.before`, `.inside` (written, not yet final) and `.after`; tests crash there. Raises
        StateError.
        """
        lock = prepare(path)
        try:
            database = connect(path)
            try:
                create_or_check(database, path, size, now_ms())
                check_files(database, path)
            except BaseException:
                database.close()
                raise
        except BaseException:
            lock.release()
            raise
        return cls(path, (lock, database, Segments(path / SEGMENTS, size)), rules, now_ms, reached)

    def close(self) -> None:
        """Let go of files, database and lock, in this order. Safe to repeat."""
        self._segments.close()
        self._database.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def adopt(self, version_floor: int) -> str:
        """Go on from here although others have gone on from this state before; return its new name. Safe to repeat.

        Versions up to `version_floor` are theirs: no number is given twice. One of ours that was committed and not
        published yet, under such a number, is theirs too, and its round is held. Raises OSError.
        """
        self._reached("adoption.before")
        with transaction(self._database):
            state_id = write_adoption(self._database, version_floor, self._now_ms())
            self._reached("adoption.inside")
        self._reached("adoption.after")
        return state_id

    # --- the round ---------------------------------------------------------------------------------------------

    def claim(self, window: Window, *, seed: int, state: str | None) -> Claim:
        """Write the window's segment, then claim the next round in one transaction.

        `seed` (below 2^63) and `state` (digest of the weights to start from) are kept for a repetition. Raises
        BrokenChainError, OutOfTurnError (a claim is open, or a version is unpublished), OSError.
        """
        self._check_turn()
        check_chain(window, self.ledger.positions())
        share = share_for_claim(self._database, self.rules)
        planned = plan(window, known_to(self._database), self.rules, share)
        # 1. The pixels, durable: a row must never name a file that a power cut can take. Unnamed files are swept.
        self._reached("segment.before")
        kept = [row.index for row in planned.rows]
        segment = self._segments.write(window.pixels_NHWC[kept]) if kept else None
        self._reached("segment.after")
        # 2. Everything else at once. From here on neither Kafka nor Redis is needed for this round.
        self._reached("claim.before")
        with transaction(self._database):
            write_claim(self._database, window, planned, Beginning(seed, state, segment, share, self._now_ms()))
            self._reached("claim.inside")
        self._reached("claim.after")
        return self._claimed()

    def claim_retry(self, parcel: int, *, seed: int, state: str | None) -> Claim:
        """Claim a round that retries a suspect parcel: no window, nothing from the buffer. As `claim`."""
        return self._claim_without_window(lambda begin: write_retry(self._database, parcel, begin), seed, state)

    def claim_challenge(self, *, seed: int, state: str) -> Claim:
        """Claim a round that holds a challenger, of (adopted) weights `state`, against the champion. As `claim`."""
        return self._claim_without_window(lambda begin: write_challenge(self._database, begin), seed, state)

    def _claim_without_window(self, write: Callable[[Beginning], None], seed: int, state: str | None) -> Claim:
        self._check_turn()
        begin = Beginning(seed, state, None, share_for_claim(self._database, self.rules), self._now_ms())
        self._reached("claim.before")
        with transaction(self._database):
            write(begin)
            self._reached("claim.inside")
        self._reached("claim.after")
        return self._claimed()

    def _check_turn(self) -> None:
        self._check_between_rounds()
        if self.ledger.unsettled() is not None:
            raise OutOfTurnError("a rollback is not finished: point the repository to the champion")

    def _check_between_rounds(self) -> None:
        if self.open_claim() is not None or self.ledger.unpublished() is not None:
            raise OutOfTurnError("the round before is not finished: commit its claim, publish its version")

    def _claimed(self) -> Claim:
        claimed = self.open_claim()
        if claimed is None:
            raise OutOfTurnError("the claim was written, but is not open")
        return claimed

    def open_claim(self) -> Claim | None:
        """Return the claim that is not committed yet, as it was made; only attempt and deaths move."""
        return self.ledger.open_claim()

    def count_attempt(self, round_number: int) -> int:
        """Count a failure of training or evaluation at the open claim; return how many there are now."""
        with transaction(self._database):
            return failures.count(self._database, "attempt", round_number)

    def count_death(self, round_number: int) -> int:
        """Count a death of the process within the open claim, unless it stopped in order; return how many there are."""
        with transaction(self._database):
            return failures.count_death(self._database, self._lock, round_number)

    def note_stop(self, round_number: int) -> None:
        """Note that the process stops or waits in order within the open claim; 0: no longer. Raises OSError."""
        failures.note_stop(self._database, self._lock, round_number)

    def commit(self, claim: Claim, commit: Commit) -> None:
        """End the round in one transaction. Raises OutOfTurnError, ValueError (contradictory commit), OSError.

        MissingFileError when the weights file that it names was not adopted, or a segment is gone.
        """
        check_commit(claim, commit)
        current = self.open_claim()
        if current is None or current.round != claim.round:
            raise OutOfTurnError(f"round {claim.round} is not open")
        if commit.state is not None and not self.weights_path(commit.state).is_file():
            raise MissingFileError(f"weights {commit.state} were not adopted before the commit")
        self._reached("commit.before")
        with transaction(self._database):
            write_commit(self._database, claim, commit, self._now_ms(), self.rules)
            evict(self._database, self._segments, claim, self.rules, eviction_generator(claim))
            emptied = self._database.execute(
                "DELETE FROM segments WHERE live * 1.0 / row_count <= 0.0 RETURNING digest"
            ).fetchall()
            dropped = keep_weights(self._database, commit.state or claim.state, self.rules.versions_kept)
            self._reached("commit.inside")
        self._dead_segments += [row[0] for row in emptied]
        self._dead_weights += dropped
        self._reached("commit.after")

    def mark_published(self, version: int) -> None:
        """Note that the version is whole in the repository and that the pointer names it. Safe to repeat."""
        self._reached("publication.before")
        now = self._now_ms()
        with transaction(self._database):
            if not champions.publish(self._database, version, now) and self.ledger.version(version) is None:
                raise OutOfTurnError(f"version {version} was not committed")
        self._reached("publication.after")

    def mark_settled(self) -> None:
        """Note that the repository's pointer names the champion, also after a rollback. Safe to repeat."""
        self._reached("settled.before")
        with transaction(self._database):
            champions.settle(self._database, self._now_ms())
        self._reached("settled.after")

    # --- requests ----------------------------------------------------------------------------------------------

    def answer_requests(self, handlers: Mapping[str, Handler] = HANDLERS) -> list[Event]:
        """Carry out what others asked for, each in one transaction, and delete the files; return the new events.

        Between rounds only, for a claim must find the store as it left it. A request is carried out once, whatever
        crashes; afterwards bring the repository up to what the database says. Raises OutOfTurnError, OSError.
        """
        events = []
        for request in take_requests(self.path):
            event = self.answer(request, handlers)
            self._reached("request.inside")
            remove_request(self.path, request)
            self._reached("request.after")
            events += [event] if event else []
        return events

    def note_drift(self, round_number: int, classes: Sequence[str]) -> None:
        """Keep the newest drift alarm for whoever looks. Safe to repeat."""
        with transaction(self._database):
            write_drift(self._database, round_number, classes)

    def answer(self, request: Request, handlers: Mapping[str, Handler] = HANDLERS) -> Event | None:
        """Carry out one request, wherever it was left; None if that was done before. As `answer_requests`."""
        self._check_between_rounds()
        self._reached("request.before")
        return answer_request(self._database, request, handlers, self._now_ms())

    def record_move(self, version: int, cause: str) -> None:
        """Note that another version is champion from now on; the pointer follows. Safe to repeat."""
        with transaction(self._database):
            champion = self.ledger.champion()
            if champion is None or champion.version != version:
                champions.move(self._database, version, cause, self._now_ms(), settled=True)

    # --- samples -----------------------------------------------------------------------------------------------

    def fresh(self, claim: Claim) -> Batch:
        """Return the claim's training samples in claim order, then what waited for the classes that join with it."""
        claimed = claimed_samples(self._database, claim, (Role.TRAIN,))
        return self._batch([*claimed, *released_to_training(self._database, claim)])

    def held_out(self, claim: Claim) -> Batch:
        """Return the claim's held-out samples in claim order."""
        return self._batch(claimed_samples(self._database, claim, (Role.HOLDOUT,)))

    def window(self, claim: Claim) -> Batch:
        """Return training and held-out samples in claim order: what the champion is scored on before learning."""
        return self._batch(claimed_samples(self._database, claim, (Role.TRAIN, Role.HOLDOUT)))

    def parcel(self, claim: Claim, parcel: int) -> Batch:
        """Return another parcel's samples of the claim's classes."""
        return self._batch(members(self._database, parcel, len(claim.classes), (Role.TRAIN, Role.HOLDOUT)))

    def recent_screenings(self) -> dict[int, tuple[int, int]]:
        """Return how the champions did on the last windows, before learning them: (samples, right) by class."""
        return recent_screenings(self._database)

    def draw_replay(
        self, claim: Claim, n: int, rng: np.random.Generator, weights: NDArray[np.float64] | None = None
    ) -> Replay:
        """Draw `n` training samples accepted before the open claim; a sample's chance goes with n_c^-0.5 of its class.

        And with its class's `weights`. Without replacement inside a class while it lasts, but one that stands for
        evicted ones comes as often as these. The same for the same claim and generator; the store's size costs nothing.
        """
        return self.draw(len(claim.classes), n, rng, weights)

    def training_counts(self, claim: Claim) -> NDArray[np.int64]:
        """Return [classes of the claim], the accepted training samples of each."""
        return replay.class_counts(self._database, Role.TRAIN, len(claim.classes))

    def draw(
        self, classes_n: int, n: int, rng: np.random.Generator, weights: NDArray[np.float64] | None = None
    ) -> Replay:
        """Draw `n` accepted training samples of the first classes, as `draw_replay` does."""
        samples, shares = replay.draw(self._database, classes_n, n, rng, weights)
        batch = self._batch(samples)
        recollected = recollections.recollected(self._database, batch.samples, classes_n)
        return Replay(batch, shares, recollected)

    def holdout(self, limit: int, batch: int = 256) -> Iterator[Batch]:
        """Iterate over the accepted held-out samples, class by class: at most `limit`, evened out by class.

        The same ones until a commit. An open claim's own are not among them (see `held_out`).
        """
        yield from self.batches(self.holdout_keys(limit), batch)

    def holdout_keys(self, limit: int, without: Sequence[int] = ()) -> list[int]:
        """Return the keys of the samples of `holdout`, those of some classes left out."""
        counts = replay.class_counts(self._database, Role.HOLDOUT, len(self.ledger.classes()))
        chosen = [one for one in replay.evaluation_slots(counts, limit) if one[0] not in without]
        return replay.samples_at(self._database, Role.HOLDOUT, chosen)

    def held_out_classes(self, samples: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the classes of samples, -1 for those that are not, or no longer, accepted and held out."""
        return replay.held_out_classes(self._database, samples)

    def newest_held_out(self, limit: int, without: Sequence[int] = ()) -> list[int]:
        """Return the keys of the newest accepted held-out samples, oldest first, those of some classes left out."""
        return replay.newest_held_out(self._database, limit, without)

    def held_out_keys(self, claim: Claim) -> list[int]:
        """Return the keys of the samples of `held_out`."""
        return claimed_samples(self._database, claim, (Role.HOLDOUT,))

    def kept_answers(self, version: int) -> KeptAnswers | None:
        """Return what a version answered on the holdout, if that is kept."""
        return read_answers(self._database, version)

    def batches(self, samples: Sequence[int], batch: int = 256) -> Iterator[Batch]:
        """Iterate over samples with their pixels, a bounded number at a time."""
        for start in range(0, len(samples), batch):
            yield self._batch(samples[start : start + batch])

    def _batch(self, samples: Sequence[int]) -> Batch:
        return read_batch(self._database, self._segments, samples)

    # --- files -------------------------------------------------------------------------------------------------

    def weights_path(self, digest: str) -> Path:
        """Return where the weights file of this digest lies."""
        return self.path / WEIGHTS / f"{digest}{WEIGHTS_SUFFIX}"

    def adopt_weights(self, file: Path, digest: str) -> Path:
        """Make a finished file durable and move it in; return its path. `digest`: the hex sha256 of its bytes.

        The file must lie on the same file system (`<state>/weights/` is the place to write it). It is swept at the
        next start unless a commit names it. Safe to repeat. Raises OSError.
        """
        self._reached("weights.before")
        sync_file(file, PRIVATE_FILE)
        adopt(file, self.weights_path(digest))
        self._reached("weights.after")
        return self.weights_path(digest)

    def tidy(self) -> Tidied:
        """Remove the files that commits no longer name, and rewrite emptied segments, a bounded number at a time.

        After publication, before the next claim or any other moment between steps. Safe to repeat. Raises OSError.
        """
        moved = compact(self._database, self._segments, self.rules.compact_below, self._reached)
        self._dead_segments += moved.emptied if moved else ()
        removed, freed = len(self._dead_segments) + len(self._dead_weights), 0
        while self._dead_segments:
            freed += self._segments.remove(self._dead_segments[-1])
            self._dead_segments.pop()
        while self._dead_weights:
            freed += remove_file(self.weights_path(self._dead_weights[-1]))
            self._dead_weights.pop()
        return Tidied(removed, freed, moved.rows if moved else 0)
