"""The sample store: claims, commits, samples and weights of the learner, in one state directory."""

from model.store.directory import StateDirectory, Tidied
from model.store.errors import (
    BrokenChainError,
    ImageSizeError,
    MissingFileError,
    OutOfTurnError,
    SchemaVersionError,
    StateError,
    StateLockedError,
    StateUnavailableError,
    StateUnusableError,
)
from model.store.facts import (
    Batch,
    Claim,
    ClaimedSpan,
    Commit,
    Fate,
    NewVersion,
    Outcome,
    Replay,
    Role,
    SampleName,
    StoreRules,
    Version,
    VersionSamples,
    iso_utc,
)
from model.store.ledger import Ledger
from model.store.verification import Finding, FindingKind, verify

__all__ = [
    "Batch",
    "BrokenChainError",
    "Claim",
    "ClaimedSpan",
    "Commit",
    "Fate",
    "Finding",
    "FindingKind",
    "ImageSizeError",
    "Ledger",
    "MissingFileError",
    "NewVersion",
    "OutOfTurnError",
    "Outcome",
    "Replay",
    "Role",
    "SampleName",
    "SchemaVersionError",
    "StateDirectory",
    "StateError",
    "StateLockedError",
    "StateUnavailableError",
    "StateUnusableError",
    "StoreRules",
    "Tidied",
    "Version",
    "VersionSamples",
    "iso_utc",
    "verify",
]
