"""Runs broker, Redis, roles, producer and follower together, shows them, and ends them all, whatever happens."""

import math
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import httpx
from rich.console import Console

from daemon.demo.board import Board, View
from daemon.demo.conductor import conduct
from daemon.demo.dead_letters import count_dead_letters
from daemon.demo.digits import Digit, load_split
from daemon.demo.display import Display
from daemon.demo.examiner import Examiner
from daemon.demo.feeder import Feeder
from daemon.demo.inference import Inference
from daemon.demo.plan import IMAGE_BYTES_MAX, Addresses, Plan, settings
from daemon.demo.producer import open_producer
from daemon.demo.report import live_hints
from daemon.demo.roles import Roles
from daemon.demo.story import Story
from daemon.demo.watcher import save_metrics, watch
from daemon.demo.workplace import Workplace
from daemon.local.broker import local_broker
from daemon.local.process import free_port
from daemon.local.redis import local_redis

FRAME_S = 0.25
HTTP_TIMEOUT_S = 5.0
WORKERS = 4


class Show:
    """One run of the demo. `elapsed_s` gives seconds since its start; `stop` is set when it is to end early."""

    def __init__(
        self, plan: Plan, place: Workplace, console: Console, stop: threading.Event, elapsed_s: Callable[[], float]
    ) -> None:
        self._plan = plan
        self._place = place
        self._console = console
        self._stop = stop
        self._elapsed_s = elapsed_s
        self._board = Board()
        self._quit = threading.Event()
        """Ends the threads; set also when nobody asked to stop."""

    def run(self, display: Display) -> View:
        """Run until all is learnt, the time is over or `stop` is set; everything has ended when it returns or raises.

        Raises LocalServerMissingError, LocalServerFailedError, RolesFailedError.
        """
        with display, local_broker() as kafka, local_redis() as redis_url:
            addresses = Addresses(kafka, redis_url, *(free_port() for _ in range(4)))
            with httpx.Client(timeout=HTTP_TIMEOUT_S) as client, self._roles(addresses, display) as roles:
                self._play(roles, addresses, client, display)
        return self._board.view()

    @contextmanager
    def _roles(self, addresses: Addresses, display: Display) -> Iterator[Roles]:
        roles = Roles(self._place, settings(self._plan, addresses))
        try:
            yield roles
        finally:
            self._board.put(phase="stopping the roles, in order")
            display.show(self._board.view(), self._elapsed_s())
            roles.stop()

    def _play(self, roles: Roles, addresses: Addresses, client: httpx.Client, display: Display) -> None:
        """Start everything that stands outside of the roles, watch it to the end, gather what only live roles tell."""
        split = load_split(self._plan.seed)
        examiner = Examiner(split.test)
        inference = Inference(addresses.serve_url, self._place.pulled, examiner, self._board, self._elapsed_s)
        with ThreadPoolExecutor(WORKERS) as pool:
            try:
                stream = pool.submit(self._stream, split.stream, roles, addresses, client)
                others = (
                    pool.submit(watch, addresses, client, self._board, self._quit),
                    pool.submit(count_dead_letters, addresses.kafka, self._board, self._quit),
                    pool.submit(inference.follow, self._quit),
                )
                self._watch(roles, addresses, display, stream, others)
                if not self._interrupted:
                    save_metrics(addresses, client, self._place)
                    inference.catch_up(client)
            finally:
                self._quit.set()

    @property
    def _interrupted(self) -> bool:
        return self._stop.is_set() and not self._board.view().complete

    def _stream(self, digits: Sequence[Digit], roles: Roles, addresses: Addresses, client: httpx.Client) -> None:
        """Stream once the roles are ready, until the story ends."""
        roles.wait_ready(addresses.health_urls(), client, self._quit, self._starting)
        with open_producer(addresses.kafka) as send:
            feeder = Feeder(send, self._board, self._plan.pace, self._quit)
            story = Story(digits, seed=self._plan.seed, image_bytes_max=IMAGE_BYTES_MAX)
            conduct(story, feeder, self._board, self._plan, self._quit)

    def _starting(self, late: list[str]) -> None:
        self._board.put(phase=f"starting {', '.join(late)}" if late else "started")

    def _watch(
        self,
        roles: Roles,
        addresses: Addresses,
        display: Display,
        stream: Future[None],
        others: Sequence[Future[None]],
    ) -> None:
        """Show the demo until it ends; raise what any thread raised."""
        deadline_s = math.inf if self._plan.keep else self._plan.promises.seconds - self._plan.finish_s
        hints = iter(live_hints(addresses, self._place) if self._plan.keep else ())
        while not (self._stop.is_set() or stream.done() or self._elapsed_s() > deadline_s):
            for future in others:
                if future.done():
                    future.result()
            roles.check()
            for death in roles.deaths():
                self._board.notice(death)
            view = self._board.view()
            if view.versions:
                for hint in hints:
                    self._console.print(hint, markup=False, highlight=False, soft_wrap=True)
            display.show(view, self._elapsed_s())
            self._stop.wait(FRAME_S)
        if stream.done():
            stream.result()
        display.show(self._board.view(), self._elapsed_s())
