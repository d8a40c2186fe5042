"""Writes down what a candidate is, in the manifest's words."""

from dataclasses import dataclass
from typing import Any

from daemon.version import VERSION
from model.candidates import Candidate
from model.judging.gate import Verdict
from model.judging.overfit import Gap
from model.pictures import INPUT
from model.publishing.layout import MODEL_FILE
from model.publishing.manifest import Manifest
from model.publishing.publisher import Staged
from model.store.facts import Batch, Claim, iso_utc

SCHEMA = 1
UNKNOWN_MS = 0
"""The event time of a record that has none, not even of its own."""


@dataclass(frozen=True, slots=True)
class Labels:
    """What a manifest says that does not come from the round."""

    model: str
    architecture: str
    size: int


def evaluation_of(
    verdict: Verdict, classes: tuple[str, ...], before: float | None, gap: Gap | None = None
) -> dict[str, Any]:
    """Return the manifest's `evaluation`: both models on the holdout, and the champion on the window (`before`).

    `gap`: the candidate on samples that it was trained on, beside the holdout.
    """
    per_class = {
        classes[index]: {"n": score.n, "candidate": score.candidate, "champion": score.champion}
        for index, score in verdict.per_class.items()
    }
    return {
        "holdout": verdict.holdout,
        "candidate_accuracy": verdict.candidate_accuracy,
        "champion_accuracy": verdict.champion_accuracy,
        "negative_flip_rate": verdict.negative_flip_rate,
        "per_class": per_class,
        "prequential_accuracy": before,
        "train_accuracy": None if gap is None else gap.train,
        "train_holdout_gap": None if gap is None else gap.size,
    }


def manifest_of(
    labels: Labels,
    claim: Claim,
    fresh: Batch,
    candidate: Candidate,
    staged: Staged,
    verdict: Verdict,
    evaluation: dict[str, Any],
    lineage: list[dict[str, Any]],
    created_ms: int,
) -> Manifest:
    """Return the manifest of a candidate that is about to be published."""
    times = sorted(int(time) for time in fresh.event_times_ms if time != UNKNOWN_MS)
    return Manifest.from_dict(
        {
            "schema": SCHEMA,
            "model": labels.model,
            "version": claim.version,
            "parent": claim.parent,
            "round": claim.round,
            "created_at": iso_utc(created_ms),
            "architecture": labels.architecture,
            "input": {"height": labels.size, "width": labels.size, **INPUT},
            "classes": list(claim.classes),
            "file": {"name": MODEL_FILE, "bytes": staged.bytes, "sha256": staged.sha256},
            "lineage": lineage,
            "samples": {"fresh": len(fresh), "replay": candidate.trained.facts.replayed},
            "event_time": {
                "oldest": iso_utc(times[0]) if times else None,
                "newest": iso_utc(times[-1]) if times else None,
            },
            "evaluation": evaluation,
            "gate": {
                "verdict": verdict.decision.value,
                "reason": verdict.reason,
                "p_value": verdict.p_value,
                "detectable_points": verdict.detectable_points,
            },
            "parity_max_abs_error": staged.parity_max_abs_error,
            "training": {
                "seed": claim.seed,
                "epochs": max(1, round(candidate.trained.facts.epochs)),
                "steps": candidate.trained.facts.steps,
                "seconds": round(candidate.trained.facts.seconds, 3),
            },
            "tidemill": VERSION,
        }
    )
