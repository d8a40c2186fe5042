#!/bin/sh
# On PyPI the releases of grafana-foundation-sdk sort by when they were built, and backwards by the Grafana they are for.
#
# Behaviour: versions bear an epoch that is a moment in seconds (1769699998!10.1.0), one for each Grafana, and each batch was
#   built from the newest Grafana to the oldest. An epoch outweighs everything behind it, so that of one batch the
#   release for Grafana 10.1 is the newest and that for 11.6 the oldest. A requirement of `>=11.6` is met by 10.1.0, and
#   is met by it before all others. An unlimited install gives code for a Grafana of 2023; only a pin with its epoch
#   gives the Grafana that was meant.
# Versions: grafana-foundation-sdk of the batch that ends with 1769699998!10.1.0; packaging 26.0, Python 3.11. Seen: 2026-11-27.
# Source: the package's releases on PyPI; packaging.python.org/specifications/version-specifiers (version epochs).
# Output seen:
#   grafana-foundation-sdk>=11.6 is met by 1769699998!10.1.0: installed 1769699998!10.1.0
#   oldest to newest of one batch: 11.6.0 11.5.0 11.4.0 11.3.0 11.2.0 11.1.0 11.0.0 10.4.0 10.3.0 10.2.0 10.1.0
# Exits with 1 when that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/pip" "$@" --quiet --disable-pip-version-check; }
pip install packaging==26.0
# The upper bound keeps later batches out, so that the answer stays the same; the lower one is what a reader of Grafana's
# release notes would write.
pip install --no-deps 'grafana-foundation-sdk>=11.6,<1769699999!0'
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import sys

from packaging.specifiers import SpecifierSet
from packaging.version import Version

batch = [
    "1769699998!10.1.0", "1769699932!10.2.0", "1769699862!10.3.0", "1769699796!10.4.0", "1769699734!11.0.0",
    "1769699681!11.1.0", "1769699630!11.2.0", "1769699590!11.3.0", "1769699520!11.4.0", "1769699452!11.5.0",
    "1769699379!11.6.0",
]
installed = importlib.metadata.version("grafana-foundation-sdk")
met = SpecifierSet(">=11.6").contains(installed)
print(f"grafana-foundation-sdk>=11.6 is {'met' if met else 'not met'} by {batch[0]}: installed {installed}")
order = [version.base_version.partition("!")[2] for version in sorted(map(Version, batch))]
print("oldest to newest of one batch:", *order)
as_seen = met and installed == batch[0] and order[0] == "11.6.0" and order[-1] == "10.1.0"
sys.exit(0 if as_seen else 1)
PYTHON
