#!/bin/sh
# kafka-python leaves a thread and open files of a client that could not be made, for good.
#
# Behaviour: KafkaAdminClient(...) raises where no broker answers within bootstrap_timeout_ms. Whoever called has nothing
#   to close then; but the client's thread is running, and keeps its epoll selector and the pair of sockets that wakes
#   it. Each connection that was refused has left its socket open, too. Python's collector gets some of these sockets, and
#   never the threads with what they hold: a service that tries again every few seconds gathers threads and files for as
#   long as its brokers are away.
# Versions: kafka-python 3.0.12, Python 3.11. Seen: 2026-11-27.
# Source: kafka/admin/client.py (nothing is closed where the constructor raises); kafka/net/inet.py (sock_connect raises
#   without closing the socket).
# Output seen:
#   kafka-python 3.0.12: KafkaTimeoutError x 3; more than before: 21 open files, 3 threads
#   after gc.collect(): 12 open files, 3 threads
# Exits with 1 when that changes: nothing is left after the collector has come.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check kafka-python==3.0.12
"$folder/venv/bin/python" - <<'PYTHON'
import gc
import importlib.metadata
import os
import socket
import sys
import threading

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

with socket.socket() as probe:  # a port at which nobody listens
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]


def open_files():
    return len(os.listdir("/proc/self/fd"))


gc.collect()
gc.disable()
before, raised = open_files(), []
for _ in range(3):
    try:
        KafkaAdminClient(bootstrap_servers=f"127.0.0.1:{port}", bootstrap_timeout_ms=3000)
    except KafkaError as error:
        raised.append(type(error).__name__)
def told():
    return open_files() - before, threading.active_count() - 1


version = importlib.metadata.version("kafka-python")
print(f"kafka-python {version}: {raised[0]} x {len(raised)}; more than before: {told()[0]} open files, {told()[1]} threads")
gc.collect()
files, threads = told()
print(f"after gc.collect(): {files} open files, {threads} threads")
sys.exit(0 if len(raised) == 3 and files >= 9 and threads == 3 else 1)
PYTHON
