"""A state whose versions have the accuracies that a test wants, with rollbacks and classes that leave."""

import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from model.store import StateDirectory, StoreRules, leave_request
from model.store.class_changes import class_handlers
from model.store.handlers import HANDLERS
from model.store.rollback import rollback_handler
from tests.support.repository import publish
from tests.support.tiny_onnx import tiny_onnx
from tests.support.windows import labelled, published, refused, take, window

DAY_MS = 24 * 3600 * 1000


class Grown:
    """Publishes versions one after the other, six hours apart."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now_ms = 1_790_000_000_000
        self.state = StateDirectory.open(
            folder / "state", size=4, rules=StoreRules(), now_ms=lambda: self.now_ms, reached=lambda _step: None
        )
        self._seeds = itertools.count(0, 100)

    def version(self, accuracies: Sequence[float], labels: Sequence[str] = ("cat", "dog")) -> int:
        """Publish a version with these accuracies, by class in the order of the head."""
        self.now_ms += DAY_MS // 4
        first = next(self._seeds)
        start = max(self.state.ledger.positions().values(), default=0)
        taken = window(labelled(range(first, first + 60), labels), start)
        claim = self.state.claim(taken, seed=7, state=self.state.ledger.current_state())
        manifest = publish(self.folder / "models", claim.version, tiny_onnx(max(2, len(claim.classes))))
        manifest["classes"] = list(claim.classes)
        scores = dict(zip(claim.classes, accuracies, strict=True))
        manifest["evaluation"] |= {
            "holdout": 126,
            "candidate_accuracy": sum(accuracies) / len(accuracies),
            "per_class": {name: {"n": 40, "candidate": value, "champion": value} for name, value in scores.items()},
        }
        manifest["round"] = claim.round
        file = self.folder / "models" / "default" / str(claim.version) / "manifest.json"
        file.write_text(json.dumps(manifest))
        commit = published(self.state, claim)
        new = replace(commit.version, manifest=manifest, sha256=manifest["file"]["sha256"])
        self.state.commit(claim, replace(commit, version=new, verdict="promoted", reason="not harmful"))
        self.state.mark_published(claim.version)
        return claim.version

    def refused(self) -> None:
        """Refuse a window."""
        self.now_ms += DAY_MS // 4
        first = next(self._seeds)
        take(self.state, labelled(range(first, first + 20)), replace(refused(), reason="harmful: 'cat' lost 12 points"))

    def roll_back(self, version: int) -> str:
        """Make an earlier version champion; return what the learner says."""
        self.now_ms += DAY_MS // 4
        return self.asked("rollback", version=version)

    def asked(self, kind: str, **arguments: object) -> str:
        """Let the learner carry out a request; return what it says."""
        leave_request(self.state.path, kind, arguments, self.now_ms)
        handlers = {**HANDLERS, **class_handlers(StoreRules()), "rollback": rollback_handler(lambda _manifest: "")}
        [event] = self.state.answer_requests(handlers)
        assert event.done, event.answer
        self.state.mark_settled()
        return event.answer

    def close(self) -> None:
        """Let go of the state."""
        self.state.close()
