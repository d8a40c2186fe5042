"""Seconds from resnet18's weights to a staged and checked artefact ÷ the same by an export in a child process."""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from model.network.build import build
from model.network.network import Network
from model.network.spec import NetworkSpec
from model.publishing.publisher import Publisher

SPEC = NetworkSpec("resnet18", 64, 10)
CLASSES = [f"class-{index}" for index in range(SPEC.classes_n)]


def networks(count: int) -> list[Network]:
    """Return networks of one architecture and different weights, in eval mode."""
    return [build(SPEC, seed).eval() for seed in range(count)]


def stage(publisher: Publisher, network: Network, folder: Path) -> float:
    """Stage one artefact, checked in ONNX Runtime; return seconds."""
    samples = np.random.default_rng(0).integers(0, 256, (16, SPEC.size, SPEC.size, 3), dtype=np.uint8)
    began = time.perf_counter()
    publisher.stage(
        network,
        spec_json=SPEC.to_json(),
        classes=CLASSES,
        model_name="default",
        version=1,
        samples_NHWC=samples,
        out_path=folder / "model.onnx",
    )
    return time.perf_counter() - began


def measure(repeats: int) -> dict[str, Any]:
    """Stage by an exporting publisher and by one that has its template, in turn."""
    exported, filled = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        warm = Publisher(folder / "warm", clock=time.perf_counter)
        stage(warm, networks(1)[0], folder)
        for turn, network in enumerate(networks(repeats)):
            cold = Publisher(folder / f"cold-{turn}", clock=time.perf_counter)
            exported.append(stage(cold, network, folder))
            filled.append(stage(warm, network, folder))
    ratio = statistics.median(filled) / statistics.median(exported)
    return {
        "name": "publication by template ÷ by export, seconds",
        "ours": statistics.median(filled),
        "bare": statistics.median(exported),
        "ratio": ratio,
        "goal": "≤ 0.1",
        "met": ratio <= 0.1,
        "how": f"{SPEC.architecture}, {SPEC.size} px, weights to a synced file checked in ONNX Runtime on 16 samples, "
        f"{torch.get_num_threads()} threads, both in turn, medians of {repeats}",
    }
