"""Install openapi-python-client into .cache/openapi-client: `python -m tests.servers.fetch_client_generator`.

In an environment of its own, for it wants older versions of ruff and python-dateutil than constraints.txt has. Does
nothing where it is there already. Where it cannot be had it says so and succeeds: the test then skips, or fails in CI.
"""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

VERSION = "0.29.1"
HOME = Path(__file__).parents[2] / ".cache" / "openapi-client"
PYTHON = HOME / "bin" / "python"
GENERATOR = HOME / "bin" / "openapi-python-client"


def missing() -> str | None:
    """Return why no client can be generated here and what would cure it, or None where it can."""
    return None if GENERATOR.is_file() else f"no openapi-python-client in {HOME}: make kafka fetches it"


def fetch() -> str | None:
    """Install it if need be; return why that failed, or None."""
    if missing() is None:
        return None
    venv.create(HOME, with_pip=True, clear=True)
    wanted = f"openapi-python-client=={VERSION}"
    install = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wanted]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode:
        shutil.rmtree(HOME, ignore_errors=True)
        return f"{wanted} could not be installed: {done.stderr.strip()[-300:]}"
    return None


if __name__ == "__main__":
    if (why := fetch()) is not None:
        print(why, file=sys.stderr)
        sys.exit(1 if os.environ.get("CI") == "true" else 0)
