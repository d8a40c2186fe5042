"""The main job on real data: an .npz of images through real Kafka and Redis, two ingestors, and the books balanced.

    python -m tests.benchmarks.real_run --data fashion-mnist.npz [--images 20000] [--json]

Prints accuracy on the file's test images, by ONNX Runtime alone, and how long each part took.
"""

import argparse
import io
import json
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from kafka import KafkaAdminClient, KafkaProducer
from kafka.admin import NewTopic
from numpy.typing import NDArray
from PIL import Image

import model  # noqa: F401 - turns ONNX Runtime's telemetry off, before it is imported
from tests.servers.kafka import KafkaServer
from tests.servers.redis import RedisServer
from tests.support.accounting import check_tiles
from tests.support.roles import Tidemill

TOPIC = "images"
PARTITIONS = 3
SIZE = 28
QUIET_S = 900.0


def main() -> int:
    """Run it; the exit status is 1 when a record is missing."""
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is stopped
    with tempfile.TemporaryDirectory(prefix="tidemill-real-") as folder:
        kafka, redis = KafkaServer(), RedisServer()
        try:
            kafka.start()
            redis.start()
            report = run(options, Path(folder), kafka, redis)
        finally:
            kafka.close()
            redis.close()
    sys.stdout.write(json.dumps(report, indent=None if options.json else 2) + "\n")
    return 0 if report["records_in_rounds"] == report["records_sent"] else 1


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True, help="train_images, train_labels, test_images, test_labels")
    parser.add_argument("--images", type=int, default=20_000, help="training images to stream")
    parser.add_argument("--architecture", default="resnet18")
    parser.add_argument("--samples", type=int, default=512, help="round.samples")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    return parser.parse_args()


def run(options: argparse.Namespace, folder: Path, kafka: KafkaServer, redis: RedisServer) -> dict[str, Any]:
    """Stream, wait until all is learnt, and measure the champion."""
    data = np.load(options.data)
    create_topics(kafka.bootstrap)
    tidemill = Tidemill(
        folder,
        {
            "kafka": {"bootstrap_servers": kafka.bootstrap, "topics": [TOPIC]},
            "redis": {"url": redis.url},
            "image": {"size": SIZE},
            "model": {"architecture": options.architecture},
            "round": {"samples": options.samples, "max_wait_s": 5},
            "ingest": {"port": 0},
        },
    )
    began = time.monotonic()
    try:
        for role in ("ingest", "ingest", "serve", "learn"):
            tidemill.start(role)
        sent = push(kafka.bootstrap, data, options)
        pushed_s = time.monotonic() - began
        rounds = await_learnt(tidemill, sent)
        learnt_s = time.monotonic() - began
        artefact = httpx.get(f"{tidemill.url}/v1/models/default/champion/model.onnx", timeout=60).content
        statuses = tidemill.stop()
    finally:
        tidemill.stop()
    ranges = check_tiles(entry["lineage"] for entry in rounds)
    return {
        "records_sent": sent,
        "records_in_rounds": sum(records for _, _, records in ranges.values()),
        "ranges": {f"{topic}/{partition}": [start, end] for (topic, _, partition), (start, end, _) in ranges.items()},
        "rounds": len(rounds),
        "outcomes": {o: sum(r["outcome"] == o for r in rounds) for o in ("published", "held", "refused")},
        "test_accuracy": accuracy(artefact, data["test_images"], data["test_labels"]),
        "seconds_pushing": round(pushed_s, 1),
        "seconds_until_all_learnt": round(learnt_s, 1),
        "exit_statuses": statuses,
        "how": f"{options.architecture}, {SIZE} px, rounds of {options.samples}, 2 ingestors, {PARTITIONS} partitions",
    }


def create_topics(bootstrap: str) -> None:
    """Make the topics that the run uses."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    topics = [NewTopic(TOPIC, PARTITIONS, 1), NewTopic(f"{TOPIC}.dlq", 1, 1), NewTopic("models", 1, 1)]
    admin.create_topics(topics)
    admin.close()


def push(bootstrap: str, data: Any, options: argparse.Namespace) -> int:
    """Send shuffled training images as PNG, and return how many records were acknowledged."""
    images, labels = data["train_images"], data["train_labels"]
    chosen = np.random.default_rng(options.seed).permutation(len(images))[: options.images]
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=5)
    sent = []
    for index in chosen:
        encoded = io.BytesIO()
        Image.fromarray(images[index]).save(encoded, "PNG")
        headers = [("ce_label", str(labels[index]).encode()), ("ce_id", f"train-{index}".encode())]
        sent.append(producer.send(TOPIC, value=encoded.getvalue(), headers=headers))
    acknowledged = sum(future.get(timeout=60) is not None for future in sent)
    producer.close()
    return acknowledged


def await_learnt(tidemill: Tidemill, sent: int) -> list[dict[str, Any]]:
    """Wait until the rounds hold all records; give up when nothing is learnt for QUIET_S."""
    seen, since = -1, time.monotonic()
    while True:
        time.sleep(2)
        done = tidemill.run("rounds", "--json")
        rounds: list[dict[str, Any]] = json.loads(done.stdout) if done.returncode == 0 else []
        records = sum(count for _, _, count in check_tiles(entry["lineage"] for entry in rounds).values())
        if records != seen:
            seen, since = records, time.monotonic()
            sys.stderr.write(f"{records} of {sent} records in {len(rounds)} rounds\n")
        if records >= sent:
            return rounds
        if time.monotonic() - since > QUIET_S:
            raise TimeoutError(f"nothing was learnt for {QUIET_S:g} s\n{tidemill.logs()}")


def accuracy(artefact: bytes, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> float:
    """Return the accuracy by ONNX Runtime alone; images are uint8, [n, h, w] or [n, h, w, 3]."""
    import onnxruntime

    session = onnxruntime.InferenceSession(artefact)
    classes = json.loads(session.get_modelmeta().custom_metadata_map["tidemill.classes"])
    right = 0
    for start in range(0, len(images), 500):
        batch = images[start : start + 500]
        rgb = batch if batch.ndim == 4 else np.repeat(batch[..., None], 3, axis=3)
        probabilities = session.run(None, {"image": rgb.transpose(0, 3, 1, 2).astype(np.float32) / 255})[0]
        answers = [int(classes[index]) for index in probabilities.argmax(1)]
        right += int((np.array(answers) == labels[start : start + 500]).sum())
    return right / len(images)


if __name__ == "__main__":
    sys.exit(main())
