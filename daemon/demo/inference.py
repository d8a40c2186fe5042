"""The inference service outside of the daemon: follows the champion over HTTP and tests each version."""

import threading
from collections.abc import Callable
from pathlib import Path

import httpx

from daemon.demo.board import Board, Measured
from daemon.demo.examiner import Examiner
from daemon.demo.plan import MODEL
from model.publishing.follower import Follower, Limits
from model.publishing.manifest import Manifest

LIMITS = Limits(wait_s=2.0, backoff_s=0.2, backoff_max_s=1.0)
"""Quick to notice the end; a service would keep the defaults."""


class Inference:
    """Pulls into `target`, tests with `examiner`, tells the board. `elapsed_s` gives seconds since the demo's start."""

    def __init__(
        self, url: str, target: Path, examiner: Examiner, board: Board, elapsed_s: Callable[[], float]
    ) -> None:
        self._url = url
        self._target = target
        self._examiner = examiner
        self._board = board
        self._elapsed_s = elapsed_s

    def follow(self, stop: threading.Event) -> None:
        """Test every version that becomes champion, until `stop`."""
        with httpx.Client() as client:
            follower = Follower(self._url, MODEL, self._target, pause=stop.wait, client=client, limits=LIMITS)
            for pulled in follower.follow():
                self._examine(pulled.path, pulled.manifest)
                if stop.is_set():
                    return

    def catch_up(self, client: httpx.Client) -> None:
        """Test the versions that were champion too briefly to be seen; those that cannot be had stay untested."""
        known = {one.version for one in self._board.view().versions}
        try:
            model = client.get(f"{self._url}/v1/models/{MODEL}").json()
            for version in (int(one) for one in model.get("versions", [])):
                if version not in known:
                    self._fetch(client, version)
        except httpx.TransportError as error:
            self._board.notice(f"not every version could be tested: {error}")

    def _fetch(self, client: httpx.Client, version: int) -> None:
        base = f"{self._url}/v1/models/{MODEL}/versions/{version}"
        manifest = Manifest.from_json(client.get(f"{base}/manifest.json").content)
        path = self._target.with_name(f"version-{version}.onnx")
        path.write_bytes(client.get(f"{base}/model.onnx").content)
        self._examine(path, manifest)
        path.unlink()

    def _examine(self, path: Path, manifest: Manifest) -> None:
        scores = self._examiner.examine(path, manifest)
        self._board.measured(Measured(manifest.version, manifest, scores, self._elapsed_s()))
