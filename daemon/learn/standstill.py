"""Learning stands still: windows in a row raised the same, so that none of them is at fault, and taking more is no use.

Without this a fault of our own, or of the machine, would put the whole stream into quarantine, window by window.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from daemon.learn.faults import WindowFault
from daemon.outage import Outage
from model.publishing.errors import ParityError
from model.store.directory import StateDirectory
from model.store.facts import Claim
from model.store.requests import pending_requests

SAME_MAX = 3
"""Windows in a row that raise the same: the third is not quarantined."""
PARITY_MAX = 2
"""The same of those whose network ONNX Runtime answers differently for: that hangs on the network, not on pictures."""
ANY_MAX = 5
"""Windows in a row that raise anything: a bug may raise another error, or elsewhere, in each."""
RETRY_MAX_S = 300.0
"""The round is tried again this often at last, for what it hung on may be cured."""
DIED = "the process died"
"""What stands for an error where there is none: the process ended within the round, DEATHS_MAX times."""
SKIP = "quarantine.skip"
"""The request to set the open round's window aside all the same."""
WHAT = "a cure for what training raises in every window"
CURES = {
    True: "the network's own answers are not the same twice or hang on its batch: see model.architecture",
    False: "the log has its traceback: install a version, or mend the factory or setting, that it comes from",
}
"""What to do, by whether it is a ParityError."""
CURE_OF_DEATHS = "see the log, and who ends the process: it may be short of memory"

log = structlog.get_logger()


@dataclass(slots=True)
class Standstill:
    """Knows whether learning stands still. What it knows lies in the database, so that a restart resets nothing."""

    directory: StateDirectory
    outage: Outage
    """Its reason is what /readyz says; its back-off is when the round is tried again."""
    clock: Callable[[], float]
    _not_before: float = field(default=float("-inf"))
    """Where each try ends the process, the first one waits for as long as the back-off grows to at last."""

    @property
    def due(self) -> bool:
        """Whether the open round may be tried now."""
        return self.outage.due and self.clock() >= self._not_before

    def begins(self, claim: Claim, fault: WindowFault) -> bool:
        """Note what the open round raised; return whether windows in a row raised the same, or more of them anything.

        Its claim stays open then: no window is taken, and this one is not quarantined. Raises OSError.
        """
        raised = fault.signature or str(fault)
        parity = isinstance(fault.__cause__, ParityError)
        rounds, same = self._too_many(
            self.directory.raised.note(claim, raised, str(fault)), PARITY_MAX if parity else SAME_MAX
        )
        if not rounds:
            return False
        self.directory.raised.acquit(rounds)
        self._say(rounds, f"{fault}; raised as {raised}", CURES[parity and same], same=same)
        return True

    def begins_with_death(self, claim: Claim, deaths: int) -> bool:
        """Return, as `begins`, whether windows in a row ended the process, each DEATHS_MAX times. Raises OSError."""
        said = f"the process died {deaths} times in the round"
        rounds, same = self._too_many(self.directory.raised.note(claim, DIED, said), SAME_MAX)
        if not rounds:
            return False
        self.directory.raised.acquit(rounds)
        self._not_before = self.clock() + RETRY_MAX_S
        self._say(rounds, f"the process died {deaths} times in the last", CURE_OF_DEATHS, same=same)
        return True

    def resume(self, claim: Claim) -> bool:
        """Say after a start that learning stands still, where it did before; return whether it does.

        The round is tried once at once, unless each try ended the process.
        """
        failure = self.directory.raised.standing(claim)
        if failure is None:
            return False
        if failure.signature == DIED:
            self._not_before = self.clock() + RETRY_MAX_S
        parity = failure.signature.startswith(f"{ParityError.__module__}.{ParityError.__qualname__} ")
        row = self.directory.raised.in_a_row(failure.signature)
        rounds, same = self._too_many(row, PARITY_MAX if parity else SAME_MAX)
        cure = CURE_OF_DEATHS if failure.signature == DIED else CURES[parity and same]
        self._say(rounds or row, f"{failure.said}; raised as {failure.signature}", cure, same=same)
        return True

    def _too_many(self, row: list[int], row_max: int) -> tuple[list[int], bool]:
        """Return the rounds that are not at fault, and whether they raised the same; none where it may be the window.

        `row` raised the same one after the other.
        """
        if len(row) >= row_max:
            return row, True
        every = self.directory.raised.all_in_a_row()
        return (every, False) if len(every) >= ANY_MAX else ([], True)

    def to_be_skipped(self, claim: Claim) -> bool:
        """Return whether a person asks to set the open round's window aside. Raises OSError."""
        wanted = (one.arguments.get("round") for one in pending_requests(self.directory.path) if one.kind == SKIP)
        return any(type(one) is int and one == claim.round for one in wanted)  # true is no round 1

    def skipped(self, claim: Claim) -> None:
        """Take note that a person has had the window set aside: the next one is taken. Raises OSError."""
        self.directory.raised.forget(claim.round)
        self._not_before = float("-inf")
        self.outage.recovered("its window was set aside by hand")

    def made_way(self) -> None:
        """Take note that the window is set aside to let a request through. Its row stays: it is given back once cured.

        The next window stands still at the first thing that it raises.
        """
        self._not_before = float("-inf")
        self.outage.recovered("its window made way for a request")

    def over(self) -> None:
        """Give back what was quarantined for the same error, once a candidate was judged. Between rounds. OSError."""
        given = self.directory.raised.give_back()
        if given:
            log.info("windows that raised the same are given back, and retried one by one", rounds=given)
        self.outage.recovered()

    def _say(self, rounds: list[int], what: str, cure: str, *, same: bool) -> None:
        *before, last = map(str, rounds[-ANY_MAX:])
        names = f"rounds {', '.join(before)} and {last}" if before else f"round {last}"
        raised = "the same" if same else "different things"
        self.outage.failed(
            f"{len(rounds)} windows in a row ({names}) raised {raised}, so none of them is at fault: "
            f"{'' if same else 'the last, '}{what}. "
            f"No window is taken or quarantined. {cure[0].upper()}{cure[1:]}. The round is tried again at a restart, "
            f"and every {RETRY_MAX_S:g} s at last; once it ends well, the windows before it are given back. "
            "`tidemill quarantine skip` sets its window aside all the same; any other request does so until it is cured"
        )
