"""Fail unless the newest version in CHANGELOG.md is the one in daemon/version.py."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Return the exit status: 0 when both name the same version."""
    changelog = re.search(r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    version = re.search(r'^VERSION = "([^"]+)"', (ROOT / "daemon/version.py").read_text(encoding="utf-8"), re.MULTILINE)
    if changelog is None or version is None or changelog[1] != version[1]:
        newest, current = changelog and changelog[1], version and version[1]
        sys.stderr.write(
            f"CHANGELOG.md's newest version is {newest}, daemon/version.py says {current}: make them agree\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
