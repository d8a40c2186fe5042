"""The real promtool, of Debian's package `prometheus`."""

import shutil
import subprocess


def missing() -> str | None:
    """Return what is missing, and how to get it."""
    return None if shutil.which("promtool") else "promtool is missing: apt-get install prometheus"


def check_metrics(text: str) -> list[str]:
    """Return what `promtool check metrics` says of a text in Prometheus' format; nothing where it is well."""
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=30, check=False
    )
    told = (done.stdout + done.stderr).splitlines()
    return told if told or done.returncode == 0 else [f"promtool ended with {done.returncode}"]
