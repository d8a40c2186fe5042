"""Names and places inside a model repository. The one module that knows where anything lies."""

import re
from dataclasses import dataclass
from pathlib import Path

MODEL_FILE = "model.onnx"
MANIFEST_FILE = "manifest.json"
POINTER_FILE = "champion.json"
CONFIG_FILE = "config.pbtxt"
LABELS_FILE = "labels.txt"
LOCK_FILE = ".lock"
STATE_ID_FILE = ".state_id"
STAGING_FOLDER = ".staging"
REQUESTS_FOLDER = ".requests"
RETIRED_FILE = "retired.json"
LEAVING_FOLDER = ".retired"
STATUS_FILE = "status.json"
SHEET_FILE = "quarantine.webp"

MODEL_NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
_MODEL_NAME = re.compile(MODEL_NAME_PATTERN + r"\Z")
_VERSION = re.compile(r"[1-9][0-9]{0,17}\Z")
VERSION_MAX = 10**18 - 1


def check_model_name(name: str) -> str:
    """Return `name` if it is safe as a folder, in a URL and for Triton; else raise ValueError that says what is.

    Safe: 1 to 100 of letters, digits, dot, dash and underscore, the first a letter or a digit.
    """
    if not _MODEL_NAME.match(name):
        raise ValueError(
            f"model name {name!r}: 1 to 100 letters, digits, '.', '-' or '_', the first a letter or a digit"
        )
    return name


def parse_version(text: str) -> int | None:
    """Return the version that a folder's name stands for, or None when it is not a version's folder."""
    return int(text) if _VERSION.match(text) else None


@dataclass(frozen=True, slots=True)
class ModelPaths:
    """The places of one model inside the repository at `root`. Raises ValueError for an unsafe model name."""

    root: Path
    model: str

    def __post_init__(self) -> None:
        check_model_name(self.model)

    @property
    def home(self) -> Path:
        """The model's folder."""
        return self.root / self.model

    @property
    def pointer(self) -> Path:
        """The champion pointer, replaced last."""
        return self.home / POINTER_FILE

    @property
    def config(self) -> Path:
        """Triton's description of the champion."""
        return self.home / CONFIG_FILE

    @property
    def labels(self) -> Path:
        """One class name a line, in the order of the output."""
        return self.home / LABELS_FILE

    @property
    def lock(self) -> Path:
        """The learner's lock file."""
        return self.home / LOCK_FILE

    @property
    def state_id(self) -> Path:
        """The id of the state directory that this repository belongs to."""
        return self.home / STATE_ID_FILE

    @property
    def staging(self) -> Path:
        """What is not yet visible: one folder for each round, named by its number."""
        return self.home / STAGING_FOLDER

    @property
    def requests(self) -> Path:
        """Requests to the learner from those who have only the repository, and its answers."""
        return self.home / REQUESTS_FOLDER

    @property
    def retired(self) -> Path:
        """The numbers of the versions that were let go."""
        return self.home / RETIRED_FILE

    @property
    def leaving(self) -> Path:
        """What is no longer visible: folders of retired versions, which are about to be deleted."""
        return self.home / LEAVING_FOLDER

    @property
    def status(self) -> Path:
        """What the learner tells of itself, for the web page; nothing that is published depends on it."""
        return self.home / STATUS_FILE

    @property
    def sheet(self) -> Path:
        """Pictures of what is set aside; `status` says of what each is."""
        return self.home / SHEET_FILE

    def staged(self, round_number: int) -> Path:
        """The future version folder of a round; what else the round prepared lies beside it."""
        return self.staging / str(round_number) / "version"

    def folder(self, version: int) -> Path:
        """The folder of a version; never changed once it is visible, until it goes as a whole."""
        return self.home / str(version)

    def artefact(self, version: int) -> Path:
        """The ONNX file of a version."""
        return self.folder(version) / MODEL_FILE

    def manifest(self, version: int) -> Path:
        """The manifest of a version."""
        return self.folder(version) / MANIFEST_FILE
