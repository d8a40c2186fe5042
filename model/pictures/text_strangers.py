"""What text is that stands where an image is wanted, and what to send instead."""

import base64
import binascii
import json
import re
from collections.abc import Callable

_LOOKED_AT_BYTES = 4_096
_JSON_BYTES_MAX = 65_536
_KEYS_TOLD = 5
_DECODED = "decode it and send the image's bytes"
_BYTES = "send the image's bytes, not their text"
_STRUCTURED = "or a CloudEvent as JSON with content-type: application/cloudevents+json"

_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_\-\s]{16,}={0,2}")
_HEX = re.compile(rb"(?:0x|\\x)?(?:[0-9a-fA-F]{2}\s?){16,}")
_DATA_URL = re.compile(rb"data:([\w.+-]+/[\w.+-]+)?[^,]{0,200},", re.IGNORECASE)
_URL = re.compile(rb"[a-z][a-z0-9+.-]{1,20}://\S+\s*", re.IGNORECASE)
_PATH = re.compile(rb"[^\n\r<>{}]{1,1000}\.(?:jpe?g|png|webp|gif|bmp|tiff?|heic|avif|npy)\s*", re.IGNORECASE)
_BYTES_REPR = re.compile(rb"""(?:bytearray\(|memoryview\()?b['"]""")
_ARRAY = re.compile(rb"array\(|tensor\(|\[\s*\[\s*[\[\d.-]|<PIL\.|<memory at|<_io\.")
_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body)[\s>]", re.IGNORECASE)
_KINDS: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "a JPEG"),
    (b"\x89PNG", "a PNG"),
    (b"RIFF", "a WebP"),
    (b"GIF8", "a GIF"),
    (b"BM", "a BMP"),
    (b"\x1f\x8b", "gzip data"),
    (b"\x93NUMPY", "a NumPy array"),
)


def describe_text(data: bytes) -> str | None:
    """Return what a text is and what to send instead; None for what is no text (UTF-8 without control characters)."""
    start = data[:_LOOKED_AT_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start or not _is_text(data[:_LOOKED_AT_BYTES]):
        return None
    for look in _LOOKS:
        told = look(start, data)
        if told is not None:
            return told
    return "this is text: send the bytes of a JPEG, PNG or WebP file as the record's value"


def _is_text(start: bytes) -> bool:
    if _BINARY.search(start):
        return False
    try:
        start.decode("utf-8")
    except UnicodeDecodeError as error:
        # Cut in the middle of a character: no fault of the text's.
        return error.start >= _LOOKED_AT_BYTES - 4
    return True


def _data_url(start: bytes, _data: bytes) -> str | None:
    found = _DATA_URL.match(start.lstrip(b"\"'"))
    if found is None:
        return None
    of = f" of {found[1].decode('latin-1')}" if found[1] else ""
    return f"this is a data URL{of}: decode what follows its comma and send the image's bytes"


def _bytes_repr(start: bytes, _data: bytes) -> str | None:
    if _BYTES_REPR.match(start):
        return "this is Python's text of bytes (as str(data) gives it): send the bytes themselves"
    return None


def _base64(start: bytes, data: bytes) -> str | None:
    quoted = start[:1] in (b'"', b"'")
    body = start.strip(b"\"' \r\n\t")
    if _BASE64.fullmatch(body) is None:
        return None
    letters = re.sub(rb"\s", b"", body)
    head = letters.rstrip(b"=")[: len(letters.rstrip(b"=")) // 4 * 4][:64]
    kind = _kind_of(base64.b64decode(head, altchars=b"-_" if re.search(rb"[-_]", head) else None))
    # Words without blanks look like base64, too: then only an image within, or its padding, tells.
    if kind is None and not (len(data) >= 64 and b" " not in body and len(letters) % 4 == 0):
        return None
    return f"this is {'quoted ' if quoted else ''}base64{f' of {kind}' if kind else ''}: {_DECODED}"


def _hex(start: bytes, _data: bytes) -> str | None:
    if _HEX.fullmatch(start.strip()) is None:
        return None
    digits = re.sub(rb"\s|^0x|^\\x", b"", start)[:64]
    kind = _kind_of(binascii.unhexlify(digits[: len(digits) // 2 * 2]))
    return f"this is hexadecimal text{f' of {kind}' if kind else ''}: {_DECODED}"


def _array(start: bytes, _data: bytes) -> str | None:
    if _ARRAY.match(start):
        return "this is the text of an array or a picture object: encode the picture as PNG and send that"
    return None


def _json(start: bytes, data: bytes) -> str | None:
    if start[:1] not in (b"{", b"["):
        return None
    keys = ""
    if len(data) <= _JSON_BYTES_MAX:
        try:
            parsed = json.loads(data)
        except (ValueError, RecursionError):
            return None
        named = [str(key)[:40] for key in parsed][:_KEYS_TOLD] if isinstance(parsed, dict) else []
        keys = f" (with {', '.join(named)})" if named else ""
    elif not re.match(rb"""[{\[]\s*["{\[\d]""", start):
        return None
    return f"this is JSON{keys}: send the image's bytes as the value, {_STRUCTURED}"


def _markup(start: bytes, _data: bytes) -> str | None:
    if not start.startswith(b"<"):
        return None
    if _HTML.match(start):
        return "this is an HTML page, as a web server's error may be: look at the answer's status before it is sent on"
    return f"this is XML: {_BYTES}"


def _place(start: bytes, data: bytes) -> str | None:
    if len(data) > _LOOKED_AT_BYTES:
        return None
    if _URL.fullmatch(start):
        return "this is a URL: fetch the image and send its bytes"
    if _PATH.fullmatch(start):
        return "this is the name of a file: read the file and send its bytes"
    return None


def _form(start: bytes, _data: bytes) -> str | None:
    if start.startswith(b"--") and b"Content-Disposition:" in start:
        return "this is a multipart form: send the bytes of its image part"
    return None


def _kind_of(start: bytes) -> str | None:
    return next((name for magic, name in _KINDS if start.startswith(magic)), None)


_LOOKS: tuple[Callable[[bytes, bytes], str | None], ...] = (
    _data_url,
    _bytes_repr,
    _place,
    _base64,
    _hex,
    _array,
    _json,
    _markup,
    _form,
)
