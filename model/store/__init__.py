"""The sample store: claims, commits, samples and weights of the learner, in one state directory."""

from model.store.compaction import Tidied
from model.store.directory import StateDirectory
from model.store.errors import (
    BrokenChainError,
    ImageSizeError,
    MissingFileError,
    OutOfTurnError,
    RefusedRequestError,
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
    WaitingLabel,
    iso_utc,
)
from model.store.ledger import Ledger
from model.store.requests import Event, Handler, Request, leave_request
from model.store.verification import Finding, FindingKind, verify

__all__ = [
    "Batch",
    "BrokenChainError",
    "Claim",
    "ClaimedSpan",
    "Commit",
    "Event",
    "Fate",
    "Finding",
    "FindingKind",
    "Handler",
    "ImageSizeError",
    "Ledger",
    "MissingFileError",
    "NewVersion",
    "OutOfTurnError",
    "Outcome",
    "RefusedRequestError",
    "Replay",
    "Request",
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
    "WaitingLabel",
    "iso_utc",
    "leave_request",
    "verify",
]
