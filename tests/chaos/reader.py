"""Readers that pull all through, over HTTP and from the repository's folder, and trust nothing they get."""

import hashlib
import json
import re
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnxruntime

from tests.chaos.cluster import MODEL

PAUSE_S = 0.05
TIMEOUT_S = 5.0
EXPECTED = frozenset({200, 304, 404, 410})
"""410: the reader was held up so long that the version was let go."""


@dataclass(slots=True)
class Observed:
    """What a reader saw: each change of version, how often it looked, and everything that was not as promised."""

    versions: list[int] = field(default_factory=list)
    pulls: int = 0
    unanswered: int = 0
    problems: list[str] = field(default_factory=list)

    def version(self, version: int) -> bool:
        """Note the champion's version; return whether it is another than before."""
        self.pulls += 1
        if self.versions and self.versions[-1] == version:
            return False
        self.versions.append(version)
        return True


class Reader:
    """Looks again and again, from a thread of its own. `look` is what a kind of reader does."""

    def __init__(self) -> None:
        self.seen = Observed()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=type(self).__name__, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and return when it has."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(30)

    def check(self) -> None:
        """Raise AssertionError where anything was not as promised."""
        name = type(self).__name__
        assert not self.seen.problems, f"{name}: {len(self.seen.problems)} problems, first: {self.seen.problems[0]}"
        assert self._stop.is_set() or self._thread.is_alive(), f"{name} ended by itself"

    def look(self) -> None:
        """Pull once."""
        raise NotImplementedError

    def _run(self) -> None:
        while not self._stop.wait(PAUSE_S):
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 - whatever it is, a reader should not have met it
                self.seen.problems.append(f"{type(error).__name__}: {error}")

    def _check_artefact(self, data: bytes, manifest: dict[str, Any]) -> None:
        """The bytes are those of the manifest, load in ONNX Runtime, and answer as the contract says."""
        version = manifest["version"]
        if hashlib.sha256(data).hexdigest() != manifest["file"]["sha256"]:
            self.seen.problems.append(f"version {version}: the bytes are not those of the manifest's digest")
            return
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(data, options)
        size = manifest["input"]["height"]
        images = np.random.default_rng(version).random((3, 3, size, size), np.float32)
        (found,) = session.run(["probabilities"], {"image": images})
        said = session.get_modelmeta().custom_metadata_map
        if found.shape != (3, len(manifest["classes"])) or not np.allclose(found.sum(axis=1), 1, atol=1e-4):
            self.seen.problems.append(f"version {version} answers {found}")
        if said["tidemill.version"] != str(version) or json.loads(said["tidemill.classes"]) != manifest["classes"]:
            self.seen.problems.append(f"version {version} says of itself {said}")


class HttpReader(Reader):
    """Pulls as an inference service does. A server that is not there is no problem; a wrong answer is."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._base = f"{url}/v1/models/{MODEL}"
        self._client = httpx.Client(timeout=TIMEOUT_S)
        self.answered_at = 0.0
        """When the last answer came, by time.monotonic."""

    def look(self) -> None:
        """Ask for the champion; pull its file where it is new, in one of the two ways in turn."""
        try:
            answer = self._get(f"{self._base}/champion")
            if answer is None:
                return
            manifest = answer.json()
            if not self.seen.version(manifest["version"]):
                return
            if manifest["version"] % 2:
                path = f"{self._base}/versions/{manifest['version']}/{manifest['file']['name']}"
                file = self._get(path)
            else:
                # Meanwhile another may have become champion: the answer names the version that it is of.
                file = self._get(f"{self._base}/champion/{manifest['file']['name']}")
                if file is not None:
                    version = file.headers["content-location"].rpartition("/")[0]
                    other = self._get(f"{self._base}/versions/{version.rpartition('/')[2]}/manifest.json")
                    manifest = other.json() if other is not None else None
            if file is not None and manifest is not None:
                self._check_artefact(file.content, manifest)
        except httpx.TransportError:
            self.seen.unanswered += 1

    def _get(self, url: str) -> httpx.Response | None:
        """Return the answer; None where there is none yet."""
        answer = self._client.get(url)
        self.answered_at = time.monotonic()
        if answer.status_code not in EXPECTED:
            self.seen.problems.append(f"GET {url} answered {answer.status_code}: {answer.text[:200]}")
        return answer if answer.status_code == 200 else None


class FolderReader(Reader):
    """Reads the repository as Triton or a sidecar does: the pointer, then what it names, with no code of ours."""

    def __init__(self, repository: Path) -> None:
        super().__init__()
        self._home = repository / MODEL

    def look(self) -> None:
        """Read the pointer; where it is new, everything that it leads to. Triton's description must lead somewhere."""
        try:
            pointer = json.loads((self._home / "champion.json").read_bytes())
        except FileNotFoundError:
            return
        if not self.seen.version(pointer["version"]):
            return
        folder = self._home / str(pointer["version"])
        manifest = json.loads((folder / "manifest.json").read_bytes())
        if manifest["file"]["sha256"] != pointer["sha256"]:
            self.seen.problems.append(f"the pointer's digest is not that of version {pointer['version']}")
        self._check_artefact((folder / "model.onnx").read_bytes(), manifest)
        described = re.search(r"versions:\s*\[\s*(\d+)", (self._home / "config.pbtxt").read_text())
        if described is None or not (self._home / described[1] / "model.onnx").is_file():
            self.seen.problems.append(f"config.pbtxt names {described and described[1]}, which is not there")
