"""A whole learner on temporary folders: everything real but Redis, Kafka and the exporter. Can be crashed anywhere."""

import copy
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from daemon.learn.announcements import Announcements
from daemon.learn.drift import DriftWatch
from daemon.learn.learner import Learner
from daemon.learn.manifests import Labels
from daemon.learn.ownership import Ownership
from daemon.learn.requests import Requests
from daemon.learn.retention import Retention
from daemon.learn.round import Round
from daemon.learn.settlement import Settlement
from daemon.learn.stages import Stages
from daemon.learn.status import StatusBoard
from daemon.learn.taker import WindowTaker
from daemon.learn.trigger import WindowLimits
from daemon.learn.watch import BufferWatch
from daemon.outage import EVICTING, Need, Outage
from daemon.server_watch import ServerWatch
from model.candidates import CandidateMaker, CandidateOptions
from model.challenger import Challenger, ChallengerOptions
from model.judge import Judge
from model.judging.gate import GateOptions
from model.learning.options import PlanOptions, TrainOptions
from model.publishing.mailbox import Mailbox
from model.publishing.publisher import Staged
from model.publishing.repository import Repository
from model.screener import Screener
from model.store import StateDirectory, StoreRules
from model.store.retention import KeepRules
from streaming.memory_buffer import MemoryBuffer
from streaming.records import Entry, Log, Marker, Reason, Sample

SIZE = 8
LOG = Log("images", "8jTiUWkgTTyrPRtbzy4wkg", 0)
LABELS = ("dark", "light", "red")


class Crash(BaseException):
    """The process died here."""


class CrashAt:
    """A fault point that dies when it is reached for the nth time, and notes all points that were reached."""

    def __init__(self, point: str = "", times: int = 1) -> None:
        self.point, self.left, self.reached = point, times, []

    def __call__(self, point: str) -> None:
        self.reached.append(point)
        if point == self.point:
            self.left -= 1
            if self.left == 0:
                raise Crash(point)


class WeightsPublisher:
    """Writes the digest of the network's weights instead of ONNX: the same weights give the same bytes."""

    def stage(self, network, *, spec_json, classes, model_name, version, samples_NHWC, out_path):
        """See Publisher."""
        digest = hashlib.sha256(f"{spec_json}{classes}{model_name}{version}".encode())
        for name, tensor in sorted(network.state_dict().items()):
            digest.update(name.encode() + tensor.numpy().tobytes())
        content = digest.hexdigest().encode()
        out_path.write_bytes(content)
        return Staged(hashlib.sha256(content).hexdigest(), len(content), 0.0, False, 0.0)


class KeptAnnouncer:
    """Keeps what is announced."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def announce(self, key: str, value: str) -> None:
        """See Announcer."""
        self.sent.append(value)


class Bench:
    """Folders and a buffer that outlive the learners built on them."""

    def __init__(
        self,
        folder: Path,
        samples: int = 160,
        rules: StoreRules | None = None,
        size: int = SIZE,
        batch: int = 32,
        plan: PlanOptions | None = None,
    ) -> None:
        self.folder = folder
        self.rules = rules or StoreRules()
        self.keep = KeepRules()
        self.samples = samples
        self.size = size
        self.plan = plan or PlanOptions(batch=batch, steps_max=20)
        self.training = TrainOptions(flip=False, crop=False)
        self.seed = 0
        self.now_ms = 1_790_000_000_000
        self.buffer = MemoryBuffer(lambda: self.now_ms)
        self.announcer = KeptAnnouncer()
        self.end = 0
        self.drift_delta = 0.0
        self.challenger_turns = 0
        self._open: list[StateDirectory | Repository] = []

    def copied_to(self, folder: Path) -> "Bench":
        """Return a copy that shares nothing with this one, of which no learner may be alive."""
        one = copy.copy(self)
        one.folder = folder
        shutil.copytree(self.folder, folder)
        one.buffer = MemoryBuffer(lambda: one.now_ms)
        one.buffer._data = copy.deepcopy(self.buffer._data)
        one.announcer, one._open = copy.deepcopy(self.announcer), []
        return one

    def feed(self, n: int, labels: tuple[str, ...] = LABELS[:2], dead_every: int = 10) -> None:
        """Append n entries; each `dead_every`th is a dead letter."""
        entries = [self._entry(self.end + index, labels, dead_every) for index in range(n)]
        self.buffer.register(LOG, self.end + n)
        for start in range(0, n, 64):
            batch = entries[start : start + 64]
            self.buffer.append(LOG, self.buffer.position(LOG), batch, "brake")
        self.end += n

    def feed_pictures(self, pixels_NHWC: np.ndarray, labels: list[str], source: str = "") -> None:
        """Append pictures of the bench's size, one entry each."""
        self.buffer.register(LOG, self.end + len(labels))
        for index, label in enumerate(labels):
            at, name = self.end + index, f"id-{self.end + index}"
            body = pixels_NHWC[index].tobytes()
            sample = Sample(at, at, 0, self.now_ms, label, name, source, self.now_ms, body)
            self.buffer.append(LOG, self.buffer.position(LOG), [sample], "brake")
        self.end += len(labels)

    def _entry(self, offset: int, labels: tuple[str, ...], dead_every: int) -> Entry:
        if offset % dead_every == dead_every - 1:
            return Marker(offset, offset, 0, self.now_ms, Reason.UNDECODABLE)
        label = labels[offset % len(labels)]
        pixels = self.pixels(label, offset)
        return Sample(offset, offset, 0, self.now_ms, label, f"id-{offset}", "", self.now_ms, pixels.tobytes())

    def pixels(self, label: str, offset: int) -> np.ndarray:
        """Return the picture at an offset."""
        mean = {"dark": (40, 40, 40), "light": (210, 210, 210), "red": (220, 30, 30)}[label]
        shape = (self.size, self.size, 3)
        return np.random.default_rng(offset).normal(mean, 12, shape).clip(0, 255).astype(np.uint8)

    def learner(
        self,
        reached: Callable[[str], None] = lambda _point: None,
        maker: type = CandidateMaker,
        architecture: str = "model.network.mlp:mlp",
        *,
        adopt: bool = False,
    ) -> Learner:
        """Build a learner, as after a restart: whatever the one before held is let go, as its death would."""
        self.die()
        directory = StateDirectory.open(
            self.folder / "state", size=self.size, rules=self.rules, now_ms=lambda: self.now_ms, reached=reached
        )
        self._open.append(directory)
        repository = Repository(self.folder / "models", "default", reached=reached)
        self._open.append(repository)
        repository.open(directory.ledger.state_id(), adopt=adopt)
        self._architecture = architecture
        self._adopt = adopt
        return self._compose(directory, repository, reached, maker)

    def die(self) -> None:
        """Let go of locks and files, as the kernel does for a process that was killed."""
        while self._open:
            self._open.pop().close()

    def _compose(
        self, directory: StateDirectory, repository: Repository, reached: Callable[[str], None], maker: type
    ) -> Learner:
        def clock() -> float:
            return self.now_ms / 1000

        observer = StatusBoard(lambda: self.now_ms)
        options = CandidateOptions(
            self._architecture,
            self.size,
            plan=self.plan,
            training=self.training,
        )
        cpu = torch.device("cpu")
        candidates = maker(directory, options, cpu, clock)
        stages = Stages(observer, clock, reached)
        announcements = Announcements(self.announcer, Outage("Kafka", Need.ANNOUNCEMENT, clock))
        settlement = Settlement(directory, repository, self.buffer, announcements, observer, stages, clock)
        judge = Judge(directory, candidates, GateOptions(), holdout_max=self.rules.holdout_max)
        one_round = Round(
            directory=directory,
            maker=candidates,
            screener=Screener(directory, candidates, judge, holdout_max=self.rules.holdout_max),
            judge=judge,
            publisher=WeightsPublisher(),
            repository=repository,
            settlement=settlement,
            stages=stages,
            observer=observer,
            labels=Labels("default", self._architecture, self.size),
            seed=self.seed,
            clock=clock,
            now_ms=lambda: self.now_ms,
            stop=lambda: False,
        )
        return Learner(
            directory=directory,
            taker=WindowTaker(self.buffer, WindowLimits(self.samples, 16, 60), self.size, clock),
            round=one_round,
            settlement=settlement,
            retention=Retention(directory, repository, observer, self.keep),
            announcements=announcements,
            requests=Requests(directory, repository, Mailbox(self.folder / "models", "default"), settlement),
            watch=BufferWatch(
                self.buffer,
                observer,
                lambda: self.now_ms,
                clock,
                ServerWatch(self.buffer.vitals, lambda: self.now_ms, clock, Outage(EVICTING, Need.EVICTION, clock)),
            ),
            drift=DriftWatch(directory, observer, self.drift_delta),
            challenger=Challenger(
                directory, options, ChallengerOptions(self.challenger_turns, self.samples, self.seed), cpu, clock
            ),
            observer=observer,
            outage=Outage("everything", Need.DISK, clock),
            clock=clock,
            poll_s=0.1,
            ownership=Ownership(directory, repository, self.buffer, adopt=self._adopt),
        )

    def versions(self) -> dict[str, str]:
        """Return the visible versions and their artefacts' content."""
        folders = (self.folder / "models" / "default").glob("[0-9]*/model.onnx")
        return {file.parent.name: file.read_text() for file in folders}
