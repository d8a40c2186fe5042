"""Whose repository and buffer these are, and whether our state is as new as they are: asked once, at the start."""

from collections.abc import Iterator

import structlog

from daemon.learn.taker import learnt_positions
from model.publishing.repository import Repository
from model.store.directory import StateDirectory
from model.store.errors import OlderStateError
from streaming.buffer import BufferForeignError, LearnBuffer
from streaming.records import Log

log = structlog.get_logger()


class Ownership:
    """A state directory, and what was made of it.

    A state restored from a backup has the right name and too little in it: the repository holds versions that it never
    made, the buffer was trimmed beyond what it has learnt. To go on from there as if nothing had happened would give
    version numbers twice and leave holes in what is learnt.
    """

    def __init__(self, directory: StateDirectory, repository: Repository, buffer: LearnBuffer, *, adopt: bool) -> None:
        """`adopt`: accept an older state, and take over what belongs to another."""
        self._directory = directory
        self._repository = repository
        self._buffer = buffer
        self._adopt = adopt

    def take(self) -> None:
        """Make repository and buffer ours, or change nothing. To be repeated after what lies outside.

        Raises OlderStateError, BufferForeignError, BufferUnavailableError, OSError, RepositoryUnavailableError.
        """
        unknown = "; ".join(self._unknown())
        if unknown and not self._adopt:
            raise OlderStateError(self._directory.path, unknown)
        if not self._claim() or self._repository.foreign or unknown:
            self._accept(unknown or "repository or buffer belonged to another state")
        pending = self._directory.ledger.unpublished()
        self._repository.sweep([pending.round] if pending else [])

    def _claim(self) -> bool:
        """Claim the buffer where it is ours or nobody's; return whether it was."""
        try:
            self._buffer.claim_ownership(self._directory.ledger.state_id(), adopt=False)
        except BufferForeignError:
            if not self._adopt:
                raise
            return False
        return True

    def _accept(self, why: str) -> None:
        """Go on from our state, whatever others know. Interrupted, it is refused until done again with --adopt."""
        # 1. A new name first: whoever still lives under the old one is refused by buffer and repository from step 2 on.
        state_id = self._directory.adopt(self._repository.last_version())
        positions = self._positions()
        # 2. The ingestors read Kafka again from what we know, also what Redis has and what Kafka's group committed.
        self._buffer.claim_ownership(state_id, adopt=True)
        self._buffer.reset(positions)
        # Versions of ours that the repository does not have were let go by the life that was given up, or never were
        # there: they are retired.
        there = self._repository.digests()
        published = (one for one in self._directory.ledger.versions() if one.published_at_ms is not None)
        self._directory.retirements.retire([one.version for one in published if there.get(one.version) != one.sha256])
        # 3. The repository last: until it bears the new name, a start without --adopt is refused.
        self._repository.belong_to(state_id)
        log.warning(
            "accepted this state", reason=why, round=self._directory.ledger.last_round(), positions=len(positions)
        )

    def _positions(self) -> dict[Log, int]:
        return learnt_positions(self._directory.ledger.positions())

    def _unknown(self) -> Iterator[str]:
        """Say what was made of this state that it does not know; nothing, where it is the newest."""
        newest, visible = self._directory.ledger.newest_version(), self._repository.last_version()
        if visible > newest:
            yield f"the repository holds version {visible}, its newest is {newest}"
        positions = self._positions()
        beyond = {one: left for one, left in self._buffer.left().items() if left > positions.get(one, 0)}
        for state in self._buffer.logs():
            known = positions.get(state.log)
            if known is not None and state.length and state.log not in beyond:
                after = self._buffer.read(state.log, 0, 1)[0].after
                beyond |= {state.log: after} if after > known else {}
        for one, left in sorted(beyond.items()):
            yield f"{one.topic}/{one.partition} was learnt up to {left}, it knows {positions.get(one, 0)}"
