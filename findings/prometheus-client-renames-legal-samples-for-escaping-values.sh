#!/bin/sh
# prometheus_client renames samples with legal names when /metrics is asked with escaping=values in OpenMetrics.
#
# Behaviour: for `Accept: application/openmetrics-text;version=1.0.0;escaping=values` (Prometheus 3 sends it where
#   metric_name_escaping_scheme is `values`), a metric called demo_up_seconds, legal in every version of Prometheus,
#   keeps its name in # HELP and # TYPE and is called U__demo__up__seconds in its sample: metadata and sample no longer
#   belong together, and no query finds the metric. Its own text format 1.0.0 leaves the same name as it is for the same
#   scheme, and so does Prometheus' definition of the scheme: "Prepend the name with U__" is for names that are not legal.
# Versions: prometheus_client 0.26.0, Python 3.11. Seen: 2026-11-27.
# Source: prometheus.io/docs/instrumenting/escaping_schemes; EscapeName in prometheus/common, which returns a legal name as it
#   is for `values`; prometheus_client/openmetrics/exposition.py, where a sample's
#   name goes through the escaping without being asked whether it is legal.
# Output seen:
#   prometheus_client 0.26.0
#   text/plain;version=1.0.0: TYPE demo_up_seconds, sample demo_up_seconds
#   application/openmetrics-text;version=1.0.0: TYPE demo_up_seconds, sample U__demo__up__seconds
# Exits with 1 when that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check prometheus_client==0.26.0
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import sys

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.exposition import choose_encoder

registry = CollectorRegistry()
Gauge("demo_up_seconds", "An example.", registry=registry).set(1)
print("prometheus_client", importlib.metadata.version("prometheus_client"))
seen = []
for form in ("text/plain;version=1.0.0", "application/openmetrics-text;version=1.0.0"):
    encode, _ = choose_encoder(f"{form};escaping=values")
    lines = encode(registry).decode().splitlines()
    typed = next(line.split()[2] for line in lines if line.startswith("# TYPE"))
    sample = next(line.split()[0] for line in lines if not line.startswith("#"))
    print(f"{form}: TYPE {typed}, sample {sample}")
    seen.append((typed, sample))
name = "demo_up_seconds"
sys.exit(seen != [(name, name), (name, "U__demo__up__seconds")])
PYTHON
