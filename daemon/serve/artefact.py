"""Sends a file, or a part of it, from disk in pieces: memory does not depend on its size."""

import asyncio
import os
from io import FileIO
from pathlib import Path

import anyio.to_thread
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from daemon.serve.conditions import Span
from model.untrusted import open_plain

PIECE_BYTES = 256 * 1024
STALLED_S = 60.0
"""A client that takes no piece for so long is dropped."""


class ArtefactResponse(Response):
    """The bytes of `span` of `file`, which it owns and closes."""

    media_type = "application/octet-stream"

    def __init__(self, file: FileIO, span: Span, size: int, headers: dict[str, str]) -> None:
        partial = (span.start, span.end) != (0, size)
        headers = headers | {"Accept-Ranges": "bytes", "Content-Length": str(span.end - span.start)}
        if partial:
            headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{size}"
        super().__init__(b"", status_code=206 if partial else 200, headers=headers)
        self._file = file
        self._span = span

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send headers, then pieces; ends when the client goes or takes none for a minute."""
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if scope["method"] != "HEAD":
                await self._send_pieces(send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._file.close()

    async def _send_pieces(self, send: Send) -> None:
        at = self._span.start
        while at < self._span.end:
            wanted = min(PIECE_BYTES, self._span.end - at)
            piece = await anyio.to_thread.run_sync(os.pread, self._file.fileno(), wanted, at)
            if not piece:
                raise OSError(f"the file ends at byte {at}, before {self._span.end}")
            at += len(piece)
            async with asyncio.timeout(STALLED_S):
                await send({"type": "http.response.body", "body": piece, "more_body": True})


def open_artefact(path: Path) -> tuple[FileIO, int]:
    """Return (open file, size in bytes). Raises OSError."""
    file = FileIO(open_plain(path))
    return file, os.fstat(file.fileno()).st_size
