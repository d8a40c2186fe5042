"""Who is champion, for many askers at once: one watcher looks at the pointers, however many wait for the next one."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import anyio.to_thread
import structlog

from model.publishing.errors import BrokenRepositoryError
from model.publishing.layout import ModelPaths
from model.publishing.reader import Champion, RepositoryReader

POLL_S = 0.2
LOOK_EVERY_S = 2.0
"""How often the pointers are looked at for which nobody waits: metrics tell of them."""
LOOKED_AT_MAX = 20
"""Models whose pointers are looked at then."""
MODELS_MAX = 1_000
"""Models that are remembered: a limit only, for each has a folder."""
log = structlog.get_logger()

Signature = tuple[int, int, int]


class UnknownModelError(Exception):
    """The repository has no model of this name, and none is expected."""


class UnreadableError(Exception):
    """The repository cannot be read at this moment; the message says why."""


@dataclass(slots=True, eq=False)
class _Model:
    name: str
    reader: RepositoryReader
    pointer: Path
    signature: Signature | None = None
    champion: Champion | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: int = 0


class Champions:
    """Reads each pointer again only when it has changed. Belongs to one event loop."""

    def __init__(self, root: Path, expected: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._root = root
        self._expected = expected
        self._clock = clock
        self._models: dict[str, _Model] = {}
        self._closing = asyncio.Event()
        self.told: Callable[[str, Champion | None, int], None] = lambda _model, _champion, _newest: None
        """Hears of each champion of a model as it changes, with the model's newest version."""

    @property
    def closing(self) -> bool:
        """Whether the server stops: nobody should wait any longer."""
        return self._closing.is_set()

    async def reader(self, name: str) -> RepositoryReader:
        """Return the reader of a model's versions. Raises UnknownModelError."""
        return (await self._model(name)).reader

    @property
    def expected(self) -> str:
        """The model that the configuration names, which may have no folder yet."""
        return self._expected

    async def names(self) -> list[str]:
        """Return the models that there are and the expected one, MODELS_MAX at most. Raises UnreadableError."""
        try:
            found = await anyio.to_thread.run_sync(_model_folders, self._root)
        except OSError as error:
            raise UnreadableError(str(error)) from error
        return sorted({self._expected, *found[: MODELS_MAX - 1]})

    async def current(self, name: str) -> Champion | None:
        """Return the champion of `name` now, None before the first. Raises UnknownModelError, UnreadableError."""
        model = await self._model(name)
        await self._look(model)
        return model.champion

    async def wait(self, name: str, is_news: Callable[[Champion], bool], wait_s: float) -> Champion | None:
        """Return the champion as soon as it is news, or as it is after `wait_s` or when the server closes."""
        model = await self._model(name)
        deadline = self._clock() + wait_s
        model.waiting += 1
        try:
            while True:
                news = model.news  # before looking: what changes after the look sets this very event
                await self._look(model)
                left = deadline - self._clock()
                done = model.champion is not None and is_news(model.champion)
                if done or left <= 0 or self._closing.is_set():
                    return model.champion
                await _first_of(news, left)
        finally:
            model.waiting -= 1

    async def watch(self) -> None:
        """Look at the pointers that someone waits for, and at the others now and then, until closed."""
        every = self._clock()
        while not self._closing.is_set():
            looked_at = [model for model in self._models.values() if model.waiting]
            if self._clock() >= every:
                every = self._clock() + LOOK_EVERY_S
                await self._model(self._expected)
                looked_at = [*list(self._models.values())[:LOOKED_AT_MAX], *looked_at]
            for model in dict.fromkeys(looked_at):
                try:
                    await self._look(model)
                except UnreadableError:
                    _tell(model)  # let the waiting ones find out for themselves
            await _first_of(self._closing, POLL_S)

    def close(self) -> None:
        """Let every waiting one go."""
        self._closing.set()
        for model in self._models.values():
            _tell(model)

    async def _model(self, name: str) -> _Model:
        if name in self._models:
            return self._models[name]
        try:
            paths = ModelPaths(self._root, name)
        except ValueError as error:
            raise UnknownModelError(str(error)) from error
        if name != self._expected and not await anyio.to_thread.run_sync(paths.home.is_dir):
            raise UnknownModelError(f"no model {name} in the repository")
        if len(self._models) >= MODELS_MAX:
            raise UnreadableError(f"more than {MODELS_MAX} models have been asked for")
        return self._models.setdefault(name, _Model(name, RepositoryReader(self._root, name), paths.pointer))

    async def _look(self, model: _Model) -> None:
        try:
            signature = await anyio.to_thread.run_sync(_signature, model.pointer)
            if signature == model.signature:
                return
            champion = await anyio.to_thread.run_sync(model.reader.champion) if signature else None
            versions = await anyio.to_thread.run_sync(model.reader.versions) if champion else []
        except (OSError, BrokenRepositoryError) as error:
            raise UnreadableError(str(error)) from error
        # The signature was taken before reading: a pointer replaced in between is read again at the next look.
        model.signature = signature
        if champion != model.champion:
            model.champion = champion
            log.info("champion", version=champion.version if champion else None)
            self.told(model.name, champion, max(versions, default=0))
            _tell(model)


def _tell(model: _Model) -> None:
    model.news.set()
    model.news = asyncio.Event()


async def _first_of(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return


def _model_folders(root: Path) -> list[str]:
    """Return the names of the folders that hold a model: its pointer, a version, or what a learner opens it with."""
    try:
        entries = [entry.name for entry in root.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(name for name in entries if _holds_a_model(root, name))


def _holds_a_model(root: Path, name: str) -> bool:
    try:
        paths = ModelPaths(root, name)
    except ValueError:
        return False
    return paths.pointer.is_file() or paths.state_id.is_file() or bool(RepositoryReader(root, name).versions())


def _signature(path: Path) -> Signature | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
