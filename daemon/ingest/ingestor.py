"""The ingestor: polls Kafka, decodes, buffers, and waits well when something is away. See `intake` for the order."""

import gc
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import Future

import structlog
from structlog.contextvars import bound_contextvars

from daemon.ingest import faults
from daemon.ingest.brake import Brake
from daemon.ingest.commits import Commits
from daemon.ingest.deaths import Deaths
from daemon.ingest.delivery import DeadLetterOffice, Delivery, UndeliverableError
from daemon.ingest.feeder import Batch, Feeder, Verdicts, batches_of
from daemon.ingest.intake import Intake
from daemon.ingest.lags import Lags
from daemon.ingest.lanes import Lanes
from daemon.ingest.news import DeadLetterNews
from daemon.ingest.observer import IngestObserver, Pause
from daemon.ingest.options import IngestOptions
from daemon.ingest.periodic import Periodic
from daemon.ingest.pressure import Pressure
from daemon.ingest.transactions import Transactions
from daemon.ingest.valve import Valve
from daemon.outage import CURES, EVICTING, SILENT, Need, Outage, OutageObserver
from daemon.readiness import Check
from daemon.server_watch import ServerWatch
from daemon.tracing.spans import NO_INGEST_SPANS, IngestSpans
from streaming.buffer import BufferFullError, BufferUnavailableError, IngestBuffer
from streaming.decoder import Decoder
from streaming.kafka_options import KafkaRefusedError, KafkaUnavailableError
from streaming.source import Partition, Polled, Source

POLL_S = 0.5
"""How long a poll waits for records, and so how soon a stop is noticed."""
DUTIES_EVERY_S = 5.0
"""Commits, comparisons, registrations, and looks at what an operator may have released."""
RETRY_MAX_S = 2.0
"""Between two tries of Kafka or Redis: a try costs little, and what is late costs freshness."""
TAKE_MAX_S = 30.0
"""After so long the rest of a poll is read again: duties must not wait for pictures that take long to decode."""
WATCH_EVERY_S = 1.0
"""Looks at Redis' run id."""
SWEEP_EVERY_S = 15.0
"""Python's collector would come after hours: until then the client's failed connections keep their sockets open."""

_log = structlog.get_logger()


class Ingestor:
    """One member of the group. `run` and `run_once` belong to one thread; `checks` may be called from any."""

    def __init__(
        self,
        source: Source,
        buffer: IngestBuffer,
        decoder: Decoder,
        dead_letters: DeadLetterOffice,
        options: IngestOptions,
        observer: IngestObserver,
        clock: Callable[[], float],
        now_ms: Callable[[], int],
        reached: Callable[[str], None] = faults.nothing,
        outages: OutageObserver = SILENT,
        skewed: Callable[[float], None] = lambda _skew_s: None,
        spans: IngestSpans = NO_INGEST_SPANS,
    ) -> None:
        """`clock` gives seconds that only grow, `now_ms` the time of day; `reached` is told each fault point.

        `skewed` is told how many seconds this host's clock is ahead of the buffer's.
        """
        self._source = source
        self._buffer = buffer
        self._dead_letters = dead_letters
        self._options = options
        self._reached = reached
        self._spans = spans
        self._clock = clock
        self._transactions = Transactions(observer, options.servers, clock, now_ms)
        self._lags = Lags(observer, now_ms)
        self._lanes = Lanes(source, buffer, observer, self._transactions, self._lags, options.job)
        self._news = DeadLetterNews(clock)
        self._delivery = Delivery(dead_letters, clock, outages)
        self._intake = Intake(buffer, self._delivery, observer, self._news, options.name, reached)
        self._commits = Commits(source, buffer, reached)
        self._brake = Brake(buffer, options.name, options.job)
        self._pressure = Pressure(options.bytes_max, options.low_water, clock, outages)
        self._valve = Valve(observer, self._switched)
        self._kafka = Outage("Kafka", Need.KAFKA, clock, observer=outages, delay_max_s=RETRY_MAX_S)
        self._redis = Outage("Redis", Need.REDIS, clock, observer=outages, delay_max_s=RETRY_MAX_S)
        self._topics = Outage("the missing topic", Need.TOPIC, clock, observer=outages)
        evicting = Outage(EVICTING, Need.EVICTION, clock, observer=outages)
        self._server = ServerWatch(buffer.vitals, now_ms, clock, evicting, skewed)
        self._duties = Periodic(DUTIES_EVERY_S, clock)
        self._watch = Periodic(WATCH_EVERY_S, clock)
        self._sweep = Periodic(SWEEP_EVERY_S, clock)
        self._run_id = ""
        self._stopping: Callable[[], bool] = lambda: False
        self._feeder = Feeder(decoder, options.threads)
        self._deaths = Deaths(buffer, self._feeder, uuid.uuid4().hex, options.records_in_hand)
        self._seen_kafka = self._seen_redis = False
        self._warned_of: set[str] = set()

    def run(self, stop: threading.Event) -> None:
        """Take records in until `stop` is set, then leave in order. Raises KafkaRefusedError, BufferMisconfiguredError.

        What may pass is waited for without limit, and said.
        """
        self._stopping = stop.is_set
        try:
            while not stop.is_set():
                stop.wait(self.run_once())
            if not self._redis.ongoing:
                self._deaths.close()  # not where an error ends us: that is a death, too
        finally:
            self.close()

    def run_once(self) -> float:
        """Do one turn; return the seconds to wait before the next."""
        if not self._kafka.due:
            return min(POLL_S, self._kafka.wait_s)
        if self._sweep.due:
            gc.collect()
            self._sweep.done()
        try:
            self._turn()
        except KafkaUnavailableError as error:
            self._kafka.failed(str(error), cure=error.cure)
            self._duties.now()
        except BufferUnavailableError as error:
            self._lose_redis(error)
        except BufferFullError as error:
            self._pressure.refused(str(error))
            self._valve.set(Pause.BUFFER_FULL, stands=True)
        except UndeliverableError as error:
            self._delivery.failed(error)
            self._hold_undelivered()
        return 0.0

    def checks(self) -> tuple[Check, ...]:
        """Return what this ingestor depends on, each with what is the matter and what to do."""
        return (
            _check("kafka", self._kafka, seen=self._seen_kafka),
            _check("redis", self._redis, seen=self._seen_redis),
            self._server.check(),
            Check("topics", not self._topics.ongoing, self._topics.reason),
            Check("dead_letters", not self._delivery.reason, self._delivery.reason),
            Check("brake", not self._brake.on, self._brake.reason),
            self._partitions_check(),
            Check("transactions", ok=True, reason=self._transactions.lasting()),
        )

    def _partitions_check(self) -> Check:
        truncated, unreadable = sorted(self._lanes.truncated), self._lanes.standing()
        found = [f"{one.topic}:{one.partition} is truncated ({self._lanes.release(one)})" for one in truncated]
        found += [
            f"{one.topic}:{one.partition} cannot be read from offset {batch.first} on ({batch.why}): "
            f"{self._lanes.cure(one)}"
            for one, batch in sorted(unreadable.items())
        ]
        return Check("partitions", not found, "; ".join(found))

    def ready(self) -> tuple[bool, str]:
        """Return whether records are taken or could be, and if not, every reason."""
        wrong = [f"{check.name}: {check.reason}" for check in self.checks() if not check.ok]
        return not wrong, "; ".join(wrong)

    def close(self) -> None:
        """Commit what is learnt, leave the group, end the threads: a few seconds. Never raises for what is away."""
        self._feeder.close()
        if not (self._kafka.ongoing or self._redis.ongoing):
            try:
                self._commits.commit(self._lanes.open.values())
            except (KafkaUnavailableError, KafkaRefusedError, BufferUnavailableError) as error:
                _log.warning("positions were not committed at the end", reason=str(error))
        self._source.close()
        self._dead_letters.close()

    def _turn(self) -> None:
        self._source.connect()
        polled = self._source.poll(POLL_S)
        self._reached(faults.POLLED)
        self._lanes.follow(polled)
        self._delivery.forget(polled.revoked)  # another may have to deliver it now
        # Until the records in hand are taken or given back nothing is asked of Kafka: were that to fail, this client
        # would go on behind them. What fails in Redis makes every partition begin anew.
        self._look_at_redis()
        self._look_at_valve()
        if polled.records:
            self._take(polled)
        if self._delivery.due:
            self._delivery.retry(self._source.bounds(self._delivery.partitions), self._lanes.open)
        self._hold_undelivered()
        if self._duties.due:
            self._do_duties()
        if not self._redis.ongoing:
            self._lanes.open_waiting(resume=self._valve.takes)
            self._deaths.hold(lane.log for lane in self._lanes.open.values())

    def _look_at_redis(self) -> None:
        """Notice a restart of Redis, which may have lost something, and its return after an outage."""
        if not (self._watch.due and self._redis.due):
            return
        run_id = self._buffer.run_id()
        self._server.look()
        self._watch.done()
        self._redis.recovered("every partition goes on from where its stream in Redis ends")
        self._seen_redis = True
        if run_id != self._run_id:
            self._look_at_brake()
            self._lanes.compare()
            self._run_id = run_id
        self._valve.set(Pause.REDIS, stands=False)
        self._valve.set(Pause.EVICTION, stands=self._server.unsafe)

    def _look_at_valve(self) -> None:
        """Open what was closed for a cause that is gone."""
        if Pause.BUFFER_FULL in self._valve.causes and not self._redis.ongoing:
            self._pressure.measured(self._buffer.bytes_used())
            self._valve.set(Pause.BUFFER_FULL, stands=self._pressure.full)

    def _do_duties(self) -> None:
        """What keeps quiet partitions honest, and what others wait for. It shows, too, whether Kafka answers."""
        self._look_for_topics()
        self._kafka.recovered()
        self._seen_kafka = True
        if not self._redis.ongoing:
            self._look_at_brake()
            self._lanes.compare()
            self._lanes.reopen_stopped()
            self._commits.commit(self._lanes.open.values())
            self._lanes.report()  # last, for it writes to Redis, which may be full
        else:
            self._lanes.look_on()
        self._news.say()
        self._duties.done()

    def _look_for_topics(self) -> None:
        missing = self._source.ensure_topics()
        topic_ids = self._source.topic_ids()
        self._lanes.replaced(topic_ids)
        if missing:
            names = ", ".join(sorted(missing))
            cure = "create it, or set kafka.create_topics=true to have it made; kafka.topics names it"
            self._topics.failed(f"topic {names} does not exist: {cure}")
        else:
            self._topics.recovered()
        for topic in topic_ids:
            if self._dead_letters.ensure(topic):
                self._warned_of.discard(topic)
            elif topic not in self._warned_of:
                self._warned_of.add(topic)
                cure = "create it, or set kafka.create_topics=true; the first dead letter will stop its topic otherwise"
                _log.warning("no topic for dead letters", topic=self._dead_letters.topic_of(topic), cure=cure)

    def _take(self, polled: Polled) -> None:
        """Take in what a poll brought; what is left of it is read again."""
        self._pressure.measured(self._buffer.bytes_used())
        self._valve.set(Pause.BUFFER_FULL, stands=self._pressure.full)
        left = batches_of(polled, self._options.batch_records)
        held: set[Partition] = set()
        until = self._clock() + TAKE_MAX_S
        try:
            # Asked after the records came and before any is appended: they may be another topic's of the same name.
            if not self._valve.open or self._lanes.replaced(self._source.topic_ids()):
                return
            for batch, decoding in self._deaths.decode(tuple(left), self._lanes.open):
                if not self._valve.open or self._stopping() or self._clock() > until:
                    return
                if self._valve.takes(batch.partition.topic):
                    self._take_batch(batch, decoding)
                else:
                    held.add(batch.partition)
                del left[0]
        finally:
            self._lanes.rewind(held | {batch.partition for batch in left})

    def _take_batch(self, batch: Batch, decoding: Future[Verdicts]) -> None:
        lane = self._lanes.open.get(batch.partition)
        if lane is None:
            return
        if batch.read_from != lane.resume_at:
            # What lies between was given out before and not taken in: never take that for a gap in the log.
            self._lanes.rewind([batch.partition])
            return
        ids = {"topic": batch.partition.topic, "partition": batch.partition.partition}
        with bound_contextvars(**ids), self._spans.batch(lane.log, batch.records) as span:
            taken = self._intake.take(lane, batch.records, decoding)
            span.taken(stale=taken.stale, dead=taken.dead)
        if taken.stale:
            self._lanes.close([lane.partition])
            return
        self._lags.taken(lane.partition, batch.records[-1])
        self._pressure.appended(taken.bytes_more)
        self._valve.set(Pause.BUFFER_FULL, stands=self._pressure.full)
        self._delivery.forget({lane.partition})
        if taken.dead:
            self._news.say()
            self._look_at_brake()

    def _lose_redis(self, error: BufferUnavailableError) -> None:
        """Nobody knows what the last write did, so each stream is asked when Redis is back."""
        self._redis.failed(str(error), cure=CURES[Need.REDIS])
        self._valve.set(Pause.REDIS, stands=True)
        self._lanes.close_all()
        self._watch.now()

    def _look_at_brake(self) -> None:
        self._valve.hold(Pause.BRAKE, self._brake.look())

    def _hold_undelivered(self) -> None:
        self._valve.hold(Pause.DEAD_LETTERS, self._delivery.topics)

    def _switched(self) -> None:
        taking = {partition for partition in self._lanes.open if self._valve.takes(partition.topic)}
        if taking:
            self._source.resume(taking)
        if halted := self._lanes.open.keys() - taking:
            self._source.pause(halted)


def _check(name: str, outage: Outage, *, seen: bool) -> Check:
    return Check(name, seen and not outage.ongoing, outage.reason or ("" if seen else "not reached yet"))
