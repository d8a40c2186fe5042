"""Follows a model's champion over HTTP into a local file. Needs httpx alone; made to be imported by services."""

import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from model.addresses import shown_address
from model.durable import file_sha256
from model.publishing.download import Wanted, WrongBytesError, download
from model.publishing.errors import ManifestError, PullError, TargetError
from model.publishing.layout import check_model_name
from model.publishing.manifest import Manifest
from model.publishing.patience import CUT, Patience

MANIFEST_BYTES_MAX = 1 << 24
_PLAIN = re.compile(r"[A-Za-z0-9._/-]{1,100}(?::[0-9]{1,5})?")
"""What may be told of an address that is none: a name, where nobody can have put a password."""


class CutError(PullError):
    """A request ended without an answer of the server's: a proxy gave up, or the connection was closed."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """A version that lies whole and checked at `path`."""

    version: int
    path: Path
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class Nothing:
    """The server has nothing new; ask again after so many seconds."""

    retry_in_s: float


@dataclass(frozen=True, slots=True)
class Limits:
    """A limit on everything that a server could do to a follower.

    `wait_s`: how long the server is asked to hold an answer; `silence_s`: how long it may say nothing beyond that;
    `attempts`: of one `pull`. `follow` goes on for ever.
    """

    bytes_max: int = 2_147_483_648
    wait_s: float = 60.0
    silence_s: float = 15.0
    download_s: float = 900.0
    backoff_s: float = 0.5
    backoff_max_s: float = 60.0
    attempts: int = 8


class Follower:
    """Keeps the file at `target` equal to the champion of `model` as the server at `url` names it.

    The server decides: after a rollback an older version comes, and nothing else ever makes the file older. The file is
    replaced at once, by bytes whose digest is right. `pause(seconds)` waits and returns True when it is time to stop
    (`threading.Event().wait` does just that); `failed(error, retry_in_s)` hears of what is retried, `shortened(wait_s)`
    of a way that does not hold a request for longer. User and password in the URL are proof to the server (Basic), and
    never told. Raises PullError for a URL that is none of HTTP, ValueError for an unsafe model name.
    """

    def __init__(
        self,
        url: str,
        model: str,
        target: Path,
        *,
        pause: Callable[[float], bool],
        client: httpx.Client,
        limits: Limits = Limits(),
        failed: Callable[[PullError, float], None] = lambda error, retry_in_s: None,
        shortened: Callable[[float], None] = lambda wait_s: None,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        if not _is_address(url):
            shown = f"{url} " if _PLAIN.fullmatch(url) else ""
            raise PullError(f"the server's address {shown}is no http:// or https:// address")
        self._base = f"{url.rstrip('/')}/v1/models/{check_model_name(model)}"
        self._shown = f"{shown_address(url)}/v1/models/{model}"
        self._model = model
        self._target = target
        self._pause = pause
        self._client = client
        self._limits = limits
        self._failed = failed
        self._clock = clock
        self._chance = chance
        self._shortened = shortened
        self._patience = Patience(limits.wait_s, clock)
        self._distrusted = ""
        self._told_s = float("inf")

    def pull(self) -> Pulled | None:
        """Bring the file up to the champion once; None while the server has none.

        Raises PullError after the attempts that the limits allow, or when `pause` says stop between two.
        """
        for attempt in range(1, self._limits.attempts + 1):
            try:
                answer = self._ask(None, 0.0)
                return self._bring(answer) if isinstance(answer, Manifest) else None
            except PullError as error:
                delay = self._backoff(attempt)
                if attempt == self._limits.attempts:
                    raise
                self._failed(error, delay)
                if self._pause(delay):
                    raise
        raise PullError("no attempt is allowed by the limits")

    def follow(self) -> Iterator[Pulled]:
        """Yield each version once its file is in place, until `pause` says stop. Failures are told, and retried."""
        version: int | None = None
        failures = 0
        delay = 0.0
        while not self._pause(delay):
            asked = self._clock()
            try:
                answer = self._ask(version, self._patience.wait_s)
                self._patience.was_answered()
                pulled = self._bring(answer) if isinstance(answer, Manifest) and answer.version != version else None
            except CutError as error:
                before = self._patience.wait_s
                if self._patience.was_cut(self._clock() - asked):
                    self._tell_shorter(before)
                    delay = 0.0
                    continue
                failures += 1
                delay = self._backoff(failures)
                self._failed(error, delay)
                continue
            except PullError as error:
                failures += 1
                delay = self._backoff(failures)
                self._failed(error, delay)
                continue
            failures = 0
            delay = answer.retry_in_s if isinstance(answer, Nothing) else 0.0
            if pulled is not None:
                version = pulled.version
                yield pulled
            elif self._clock() - asked < self._limits.backoff_s:
                # a server that does not hold its answers must not be asked in a tight circle
                delay = max(delay, self._backoff(1))

    def _backoff(self, failures: int) -> float:
        """Return seconds to wait: doubled at each failure up to the limit; chance takes up to half of it off."""
        longest = min(self._limits.backoff_s * 2.0 ** min(failures - 1, 30), self._limits.backoff_max_s)
        return longest * (0.5 + 0.5 * self._chance())

    def _ask(self, after: int | None, wait_s: float) -> "Manifest | Nothing":
        """Return the champion's manifest, or Nothing when there is none (404) or none other than `after` (304)."""
        query: dict[str, str] = {"wait": f"{wait_s:g}"} if wait_s else {}
        if after is not None:
            query["after"] = str(after)
        timeout = httpx.Timeout(self._limits.silence_s, read=wait_s + self._limits.silence_s)
        # A cache on the way may keep the answer, but must ask whether it still holds.
        headers = {"Cache-Control": "no-cache"}
        try:
            with self._client.stream(
                "GET", f"{self._base}/champion", params=query, headers=headers, timeout=timeout
            ) as answer:
                if answer.status_code == 404:
                    return Nothing(self._retry_after(answer))
                if answer.status_code == 304 and after is not None:
                    return Nothing(0.0)
                if answer.status_code != 200:
                    kind = CutError if answer.status_code in CUT else PullError
                    raise kind(f"{self._shown}/champion answered {answer.status_code}")
                manifest = Manifest.from_json(self._body(answer))
        except httpx.ReadTimeout as error:
            self._note_silence(wait_s)
            raise PullError(f"{self._shown}: {type(error).__name__}: {error}") from error
        except (httpx.ReadError, httpx.RemoteProtocolError) as error:
            raise CutError(f"{self._shown}: {type(error).__name__}: {error}") from error
        except httpx.HTTPError as error:
            raise PullError(f"{self._shown}: {type(error).__name__}: {error}") from error
        except ManifestError as error:
            raise PullError(f"{self._shown}/champion: {error}") from error
        if manifest.model != self._model:
            raise PullError(f"{self._shown}/champion is the manifest of {manifest.model!r}")
        return manifest

    def _note_silence(self, wait_s: float) -> None:
        if wait_s:
            self._patience.was_silent()
            self._tell_shorter(wait_s)

    def _tell_shorter(self, before_s: float) -> None:
        if self._patience.wait_s < before_s and self._patience.wait_s < self._told_s:
            self._told_s = self._patience.wait_s
            self._shortened(self._told_s)

    def _retry_after(self, answer: httpx.Response) -> float:
        """Return what the server asks for, within the limit; where it asks for nothing, a back-off."""
        text = answer.headers.get("retry-after", "")
        return min(float(text), self._limits.backoff_max_s) if text.isascii() and text.isdigit() else self._backoff(1)

    def _body(self, answer: httpx.Response) -> bytes:
        body = bytearray()
        for chunk in answer.iter_bytes():
            body += chunk
            if len(body) > MANIFEST_BYTES_MAX:
                raise PullError(f"{self._shown}/champion: a manifest of more than {MANIFEST_BYTES_MAX} bytes")
        return bytes(body)

    def _bring(self, manifest: Manifest) -> Pulled:
        if manifest.file.bytes > self._limits.bytes_max:
            raise PullError(
                f"version {manifest.version} has {manifest.file.bytes} bytes, allowed are {self._limits.bytes_max}"
            )
        if not self._has(manifest):
            place = f"/versions/{manifest.version}/{manifest.file.name}"
            sha256 = manifest.file.sha256
            anew = sha256 == self._distrusted
            wanted = Wanted(f"{self._base}{place}", manifest.file.bytes, sha256, f"{self._shown}{place}", anew)
            deadline = self._clock() + self._limits.download_s
            try:
                download(
                    self._client,
                    wanted,
                    self._target,
                    timeout=httpx.Timeout(self._limits.silence_s),
                    late=lambda: self._clock() > deadline,
                )
            except WrongBytesError:
                self._distrusted = sha256
                raise
        return Pulled(manifest.version, self._target, manifest)

    def _has(self, manifest: Manifest) -> bool:
        try:
            same = self._target.stat().st_size == manifest.file.bytes
            return same and file_sha256(self._target) == manifest.file.sha256
        except FileNotFoundError:
            return False
        except OSError as error:
            raise TargetError(f"{self._target} cannot be read: {error}") from error


def _is_address(url: str) -> bool:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return parsed.scheme in ("http", "https") and bool(parsed.host)
