"""The exporter's process: `python -m model.publishing.export_child FOLDER`. What torch leaks ends with it.

FOLDER holds `request.json` and `network.pt` (a pickled module, written by the parent alone). What comes back lies there
as `template`, or as `refusal` with the reason why the graph could not be refilled. What the disk refuses ends it with
the status DISK and a last line of JSON: {"errno": 28, "path": "…", "needed": 4096}. The parent keeps a pipe to this
process's stdin open: when it ends, the parent is dead.
"""

import json
import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from model.disk import DiskError, writing
from model.durable import write_synced

DISK = 74
"""Exit status, EX_IOERR of sysexits.h."""
REQUEST, NETWORK, TEMPLATE, REFUSAL = "request.json", "network.pt", "template", "refusal"


@dataclass(frozen=True, slots=True)
class Request:
    """What to export: the input's size in pixels and the number of classes; `path` is the parent's module path."""

    height: int
    width: int
    classes: int
    path: tuple[str, ...]

    def write(self, folder: Path) -> None:
        """Leave the request for the child."""
        value = {"height": self.height, "width": self.width, "classes": self.classes, "path": list(self.path)}
        write_synced(folder / REQUEST, json.dumps(value).encode())

    @classmethod
    def read(cls, folder: Path) -> "Request":
        """Read what `write` left."""
        value = json.loads((folder / REQUEST).read_text())
        return cls(value["height"], value["width"], value["classes"], tuple(value["path"]))


def main(folder: Path) -> None:
    """Export the network of the request in `folder`, and leave its template there."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    request = Request.read(folder)
    sys.path.extend(entry for entry in request.path if entry not in sys.path)
    # heavy, and only of use once the request could be read
    import torch  # noqa: PLC0415

    from model.publishing.errors import UnmappableError  # noqa: PLC0415
    from model.publishing.exporting import make_template  # noqa: PLC0415

    network = torch.load(folder / NETWORK, weights_only=False)
    try:
        template = make_template(network, request.height, request.width, request.classes)
    except UnmappableError as error:
        (folder / REFUSAL).write_text(str(error))
    else:
        made = template.to_bytes()
        with writing(folder / TEMPLATE, len(made)):
            (folder / TEMPLATE).write_bytes(made)


def _end_with_parent() -> None:
    # not through sys.stdin: its lock, held here, would abort the interpreter on its way out
    while os.read(0, 1):
        pass
    os._exit(3)


def run(folder: Path) -> int:
    """Run `main`; return the exit status. What the disk refuses is told on stdout: there is no room for a file."""
    try:
        main(folder)
    except OSError as error:
        needed = error.needed if isinstance(error, DiskError) else None
        told = {"errno": error.errno, "path": str(error.filename or folder), "needed": needed}
        sys.stdout.write(f"{error}\n{json.dumps(told)}\n")
        sys.stdout.flush()
        return DISK
    return 0


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1])))
