"""The champion pointer: the one file that says which version is served. Replaced last, and at once."""

import json
from dataclasses import dataclass
from pathlib import Path

from model.publishing.errors import BrokenRepositoryError, ManifestError
from model.publishing.manifest_file import SMALL_BYTES_MAX
from model.publishing.manifest_reading import read_sha256, read_time
from model.publishing.reading import Fields
from model.untrusted import UnfitFileError, read_plain


@dataclass(frozen=True, slots=True)
class Pointer:
    """`sha256` is of the version's ONNX file; `published_at` is RFC 3339 in UTC."""

    version: int
    sha256: str
    published_at: str

    def to_bytes(self) -> bytes:
        """Return the pointer as JSON."""
        value = {"version": self.version, "sha256": self.sha256, "published_at": self.published_at}
        return json.dumps(value).encode() + b"\n"

    @classmethod
    def read(cls, path: Path) -> "Pointer | None":
        """Read the pointer, or None when there is none. Raises BrokenRepositoryError, and OSError."""
        try:
            data = read_plain(path, SMALL_BYTES_MAX)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except UnfitFileError as error:
            raise BrokenRepositoryError(str(error)) from error
        try:
            fields = Fields(json.loads(data), "")
            return cls(fields.integer("version", 1), read_sha256(fields), read_time(fields, "published_at"))
        except (ValueError, RecursionError, ManifestError) as error:
            raise BrokenRepositoryError(f"{path}: {error}") from error
