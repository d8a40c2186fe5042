"""Builds the learner."""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import structlog
import torch

from daemon.composition.classes import check_classes
from daemon.composition.clocks import monotonic_s, now_ms
from daemon.composition.kafka import kafka_options
from daemon.composition.opening import (
    check_initial_weights,
    open_repository,
    open_state,
    open_when_there_is_room,
    spec_of,
)
from daemon.composition.redis import await_redis, eviction_outage, redis_connection
from daemon.composition.tracing import learn_spans
from daemon.config import Config
from daemon.errors import PERSON_MUST_ACT, OperatorError
from daemon.health import HealthServer
from daemon.learn.announcements import Announcements
from daemon.learn.bulletin import Bulletin
from daemon.learn.drift import DriftWatch
from daemon.learn.learner import Learner
from daemon.learn.manifests import Labels
from daemon.learn.observer import LearnObserver
from daemon.learn.ownership import Ownership
from daemon.learn.requests import Requests
from daemon.learn.restored import tell_past, tell_repository
from daemon.learn.retention import Retention
from daemon.learn.round import Round
from daemon.learn.settlement import Settlement
from daemon.learn.stages import Stages, nowhere
from daemon.learn.standstill import RETRY_MAX_S, WHAT
from daemon.learn.status import StatusBoard
from daemon.learn.stopping import what_a_stop_does
from daemon.learn.taker import WindowTaker
from daemon.learn.trigger import WindowLimits
from daemon.learn.watch import BufferWatch
from daemon.learn.watchers import Watchers
from daemon.liveness import LEARN_TURN_MAX_S, BeatingStop, Pulse
from daemon.metrics import (
    ClockMetrics,
    DiskMetrics,
    LearnMetrics,
    OutageMetrics,
    RedisMetrics,
    new_registry,
    show_buffer_limit,
    show_build,
)
from daemon.outage import Need, Outage, OutageObserver
from daemon.readiness import Ask, Check
from daemon.server_watch import ServerWatch, eviction_check
from daemon.stopping import Stopping
from daemon.tracing.spans import LearnSpans
from model.candidates import CandidateMaker, CandidateOptions
from model.challenger import Challenger, ChallengerOptions
from model.judge import Judge
from model.judging.gate import GateOptions
from model.learning.device import resolve_device
from model.learning.errors import DeviceError, StateFileError
from model.learning.options import PlanOptions, TrainOptions
from model.network.build import check_architecture
from model.network.errors import NetworkError
from model.network.trainable import check_trainable
from model.publishing.errors import RepositoryError, StaleTensorError, UnmappableError
from model.publishing.layout import ModelPaths
from model.publishing.mailbox import Mailbox
from model.publishing.publisher import Publisher
from model.publishing.repository import Repository
from model.screener import Screener
from model.store.directory import StateDirectory
from model.store.errors import DamagedDatabaseError, StateError, StateUnavailableError
from model.store.retention import KeepRules
from model.store.sqlite_errors import is_damage
from streaming.announcer import Announcer
from streaming.buffer import BufferForeignError, BufferMisconfiguredError, BufferTakenError
from streaming.redis_buffer import RedisLearnBuffer

ANNOUNCE_DELAY_MAX_S = 120.0
"""A try may take ten seconds of the learner's thread: not more than a tenth of it while Kafka is away."""

BULLETIN_STOP_S = 5.0
"""Seconds to wait for the page's last status; a disk that hangs must not hold the learner up."""
NEEDS = (
    Need.REDIS,
    Need.REDIS_MEMORY,
    Need.EVICTION,
    Need.RECORDS,
    Need.DISK,
    Need.REPOSITORY,
    Need.DEVICE,
    Need.EXPORTER,
    Need.ANNOUNCEMENT,
    Need.TRAINING,
)
"""What the learner may wait for."""

log = structlog.get_logger()


def run_learn(
    config: Config,
    stop: threading.Event,
    *,
    adopt: bool = False,
    reached: Callable[[str], None] = nowhere,
    stopping: Stopping | None = None,
) -> None:
    """Run the learner until `stop` is set. Raises OperatorError for what only an operator can cure.

    `reached` is told each named step of rounds, state directory and repository; tests end the process there.
    `stopping` is what is said when a stop is asked for.
    """
    with ExitStack() as stack:
        device = _device(config)
        registry, status = new_registry(), StatusBoard(now_ms)
        show_build(registry, "learn")
        DiskMetrics(registry, {"state": config.paths.state, "models": config.paths.repository})
        observer = Watchers(LearnMetrics(registry, model=config.model.name), status)
        if stopping is not None:
            stopping.what = lambda: what_a_stop_does(status.snapshot())
        outages, started = OutageMetrics(registry, NEEDS, now_ms), threading.Event()
        show_buffer_limit(registry, config.buffer.bytes_max)
        outage = Outage("something that the learner needs", Need.DISK, monotonic_s, observer=outages)
        standing = outage.beside(WHAT, Need.TRAINING, delay_max_s=RETRY_MAX_S)
        evicting = eviction_outage(outages)
        asks = [lambda: _check(outage, standing, started), lambda: eviction_check(evicting)]
        pulse = stack.enter_context(Pulse("the learner's loop", LEARN_TURN_MAX_S, monotonic_s))
        health = stack.enter_context(HealthServer(registry, asks, more={"/status": status.snapshot}, pulse=pulse))
        health.start(config.http.host, config.learn.port, "learn.port")
        opened = _open(config, stack, observer, outage, stop, reached, adopt=adopt)
        if opened is None:
            return
        directory, repository = opened
        connection = redis_connection(config, RedisMetrics(registry).took)
        stack.callback(connection.close)
        if not await_redis(connection, config, stop, monotonic_s, outages):
            return
        spans = stack.enter_context(learn_spans(config, connection))
        announcements = _announcements(config, stack, outages)
        buffer = RedisLearnBuffer(connection, config.job)
        stop = BeatingStop(stop, pulse)
        server = ServerWatch(buffer.vitals, now_ms, monotonic_s, evicting, _skewed(ClockMetrics(registry), status))
        learner = _learner(
            config,
            directory,
            repository,
            buffer,
            announcements,
            observer,
            outage,
            server,
            device,
            stop,
            pulse.beating(reached),
            spans,
            adopt=adopt,
        )
        learner.started, learner.standstill.outage = started, standing
        stack.enter_context(_bulletin(config, status, asks))
        with told_to_operators():
            learner.run(stop)


@contextmanager
def _bulletin(config: Config, status: StatusBoard, asks: Sequence[Ask]) -> Iterator[None]:
    """Write the page's status beside the learner, whose locks are held as long."""
    paths = ModelPaths(config.paths.repository, config.model.name)
    bulletin, over = Bulletin(paths, config.paths.state, status, asks, now_ms, monotonic_s), threading.Event()
    thread = threading.Thread(target=bulletin.run, args=(over,), name="bulletin", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(BULLETIN_STOP_S)


def _open(
    config: Config,
    stack: ExitStack,
    observer: LearnObserver,
    outage: Outage,
    stop: threading.Event,
    reached: Callable[[str], None],
    *,
    adopt: bool,
) -> tuple[StateDirectory, Repository] | None:
    """Open state and repository, and tell what former lives left there; None when stopped before."""
    paths = config.paths
    directory = open_when_there_is_room(lambda: open_state(config, reached), "paths.state", outage, stop, paths.state)
    if directory is None:
        return None
    stack.enter_context(directory)
    check_initial_weights(config, directory)
    check_classes(config, directory)
    repository = open_when_there_is_room(
        lambda: open_repository(config, directory, reached, adopt=adopt),
        "paths.repository",
        outage,
        stop,
        paths.repository,
    )
    if repository is None:
        return None
    stack.enter_context(repository)
    tell_repository(repository, observer)
    return (directory, repository) if _past_told(config, directory, observer, outage, stop) else None


def _past_told(
    config: Config, directory: StateDirectory, observer: LearnObserver, outage: Outage, stop: threading.Event
) -> bool:
    """Tell what former lives left, once; False when stopped before. Raises OperatorError for a damaged database."""

    def tell() -> bool:
        try:
            tell_past(directory.ledger, observer)
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                raise DamagedDatabaseError(f"the state database is damaged: {error}") from error
            raise StateUnavailableError(f"the state database cannot be read: {error}") from error
        return True

    return open_when_there_is_room(tell, "paths.state", outage, stop, config.paths.state) is not None


def _announcements(config: Config, stack: ExitStack, outages: OutageObserver) -> Announcements:
    announcer = Announcer(
        kafka_options(config, "tidemill-learn"), config.kafka.announce_topic, create=config.kafka.create_topics
    )
    stack.callback(announcer.close)
    outage = Outage(
        "Kafka, to announce versions",
        Need.ANNOUNCEMENT,
        monotonic_s,
        observer=outages,
        delay_max_s=ANNOUNCE_DELAY_MAX_S,
    )
    return Announcements(announcer, outage)


def _skewed(clocks: ClockMetrics, status: StatusBoard) -> Callable[[float], None]:
    def skewed(seconds: float) -> None:
        clocks.skewed(seconds)
        status.skewed(seconds)

    return skewed


@contextmanager
def told_to_operators() -> Iterator[None]:
    """Raise OperatorError for what only an operator can cure, with what to do."""
    try:
        yield
    except (BufferForeignError, BufferTakenError) as error:
        cure = "Stop the other learner, give this one another job, or take over with --adopt"
        raise OperatorError("job", str(error), cure, exit_code=PERSON_MUST_ACT) from error
    except BufferMisconfiguredError as error:
        cure = "Change that in the server, or redis.url"
        raise OperatorError("redis.url", str(error), cure, exit_code=PERSON_MUST_ACT) from error
    except (StateError, NetworkError) as error:
        told = (error.setting, str(error), "Nothing was changed")
        raise OperatorError(*told, exit_code=PERSON_MUST_ACT) from error
    except StateFileError as error:
        cure = "Restore the file from a backup, or see what `tidemill verify` says: the round is kept"
        raise OperatorError("paths.state", str(error), cure, exit_code=PERSON_MUST_ACT) from error
    except (UnmappableError, StaleTensorError) as error:
        cure = "Choose another architecture; the open round then goes on with it"
        raise OperatorError("model.architecture", str(error), cure, exit_code=PERSON_MUST_ACT) from error
    except RepositoryError as error:
        cure = "See what `tidemill verify` says, then start again: the round is kept"
        raise OperatorError("paths.repository", str(error), cure, exit_code=PERSON_MUST_ACT) from error


def _check(outage: Outage, standing: Outage, started: threading.Event) -> Check:
    waiting = "" if started.is_set() else "starting: state, repository and Redis (redis.url) are not all open yet"
    ready = started.is_set() and not (outage.ongoing or standing.ongoing)
    return Check("learner", ready, outage.reason or standing.reason or waiting)


def _learner(
    config: Config,
    directory: StateDirectory,
    repository: Repository,
    buffer: RedisLearnBuffer,
    announcements: Announcements,
    observer: LearnObserver,
    outage: Outage,
    server: ServerWatch,
    device: torch.device,
    stop: threading.Event,
    reached: Callable[[str], None],
    spans: LearnSpans,
    *,
    adopt: bool,
) -> Learner:
    stages = Stages(observer, monotonic_s, reached, stop=stop.is_set, spans=spans)
    options = _candidate_options(config)
    maker = CandidateMaker(directory, options, device, monotonic_s)
    given = ChallengerOptions(config.learning.challenger_turns, config.round.samples, config.learning.seed)
    gate = GateOptions(config.gate.alpha, config.gate.when_uncertain, config.gate.first_holdout)
    settlement = Settlement(
        directory, repository, buffer, announcements, observer, stages, monotonic_s, lambda: server.skew_s
    )
    limits = WindowLimits(config.round.samples, config.round.min_samples, config.round.max_wait_s)
    judge = Judge(directory, maker, gate, holdout_max=config.store.holdout_max)
    one_round = Round(
        directory=directory,
        maker=maker,
        screener=Screener(directory, maker, judge, holdout_max=config.store.holdout_max),
        judge=judge,
        publisher=Publisher(config.paths.state / "templates", clock=monotonic_s, stop=stop.is_set),
        repository=repository,
        settlement=settlement,
        stages=stages,
        observer=observer,
        labels=Labels(config.model.name, config.model.architecture, config.image.size),
        seed=config.learning.seed,
        clock=monotonic_s,
        now_ms=now_ms,
        stop=stop.is_set,
        spans=spans,
    )
    return Learner(
        directory=directory,
        taker=WindowTaker(buffer, limits, config.image.size, monotonic_s),
        round=one_round,
        settlement=settlement,
        retention=Retention(
            directory, repository, observer, KeepRules(newest=config.publish.keep, seconds=config.publish.keep_s)
        ),
        announcements=announcements,
        requests=Requests(directory, repository, Mailbox(config.paths.repository, config.model.name), settlement),
        watch=BufferWatch(buffer, observer, now_ms, monotonic_s, server),
        drift=DriftWatch(directory, observer, config.round.drift_delta),
        challenger=Challenger(directory, options, given, device, monotonic_s),
        observer=observer,
        outage=outage,
        clock=monotonic_s,
        poll_s=config.round.poll_s,
        ownership=Ownership(directory, repository, buffer, adopt=adopt),
    )


def _candidate_options(config: Config) -> CandidateOptions:
    one, learning = config.round, config.learning
    return CandidateOptions(
        architecture=config.model.architecture,
        size=config.image.size,
        stem=config.model.stem,
        initial_weights=Path(config.model.initial_weights) if config.model.initial_weights else None,
        plan=PlanOptions(one.passes, one.batch, one.replay, one.save_replay, one.steps_min, one.steps_max),
        training=TrainOptions(
            optimiser=learning.optimiser,
            lr=learning.lr,
            weight_decay=learning.weight_decay,
            ema_decay=learning.ema_decay,
            flip=learning.flip,
            crop=learning.crop,
            label_smoothing=learning.label_smoothing,
            recall=learning.recall,
            margin=learning.margin,
            robustness=learning.robustness,
            trainable=config.model.trainable,
        ),
    )


def _device(config: Config) -> torch.device:
    """Return the device, once it and the architecture are known to work. Checked before anything is opened."""
    if config.learn.threads:
        torch.set_num_threads(config.learn.threads)
    try:
        device = resolve_device(config.learn.device)
    except DeviceError as error:
        raise OperatorError("learn.device", str(error), "Choose cpu, or give the process its GPU") from error
    try:
        check_architecture(spec_of(config))
        check_trainable(spec_of(config), config.model.trainable)
    except NetworkError as error:
        raise OperatorError(error.setting, str(error), "Choose one that is supported", exit_code=2) from error
    log.info("learning on", device=str(device), threads=torch.get_num_threads(), torch=torch.__version__)
    return device
