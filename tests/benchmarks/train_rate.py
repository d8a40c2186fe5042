"""Images a second of a round's training stage ÷ those of a bare PyTorch loop on the same data in memory."""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from model.candidates import CandidateMaker, CandidateOptions
from model.learning.options import PlanOptions
from model.network.build import build
from model.network.spec import NetworkSpec
from model.store import Claim, Commit, Fate, Outcome, StateDirectory, StoreRules
from model.window import Arrival, LogKey, Span, Window

ARCHITECTURE = "resnet18"
SIZE = 32
CLASSES = 10
FRESH = 512
BATCH = 64
LOG = LogKey("images", "benchmark", 0)


def window(start: int) -> Window:
    """Return FRESH random pictures at offsets from `start` on."""
    rng = np.random.default_rng(start)
    arrivals = tuple(
        Arrival(LOG, start + index, f"{start + index}", f"class-{index % CLASSES}", 0, "") for index in range(FRESH)
    )
    pixels = rng.integers(0, 256, (FRESH, SIZE, SIZE, 3), dtype=np.uint8)
    return Window((Span(LOG, start, start + FRESH, 0, 0),), arrivals, pixels)


def bare_loop(pixels: np.ndarray, labels: np.ndarray) -> float:
    """Train as a notebook would: float pictures, cross-entropy, AdamW. Return images a second."""
    network = build(NetworkSpec(ARCHITECTURE, SIZE, CLASSES), 0)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3)
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div(255).contiguous()
    targets = torch.from_numpy(labels)
    network.train()
    began = time.perf_counter()
    for start in range(0, len(images), BATCH):
        optimiser.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(network(images[start : start + BATCH]), targets[start : start + BATCH])
        loss.backward()
        optimiser.step()
    return len(images) / (time.perf_counter() - began)


def prepare(directory: StateDirectory) -> Claim:
    """Fill the store with a round's worth, and claim a second round on top of it."""
    first = directory.claim(window(0), seed=0, state=None)
    directory.commit(first, Commit(Outcome.HELD, "prepared", Fate.ACCEPTED, 0.0))
    return directory.claim(window(FRESH), seed=0, state=None)


def training_stage(directory: StateDirectory, claim: Claim) -> float:
    """Do what the stage `train` of a round does: draw replay, build or load, train. Return images a second."""
    options = CandidateOptions(ARCHITECTURE, SIZE, plan=PlanOptions(batch=BATCH))
    maker = CandidateMaker(directory, options, torch.device("cpu"), time.perf_counter)
    fresh = directory.fresh(claim)
    began = time.perf_counter()
    trained = maker.train(claim, fresh)
    return (trained.facts.fresh + trained.facts.replayed) / (time.perf_counter() - began)


def measure(repeats: int) -> dict[str, Any]:
    """Run both in turn, each first as often as the other; the ratio is that of the medians."""
    bare: list[float] = []
    stage: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        directory = StateDirectory.open(Path(folder) / "state", size=SIZE, rules=StoreRules(), now_ms=lambda: 0)
        with directory:
            claim = prepare(directory)
            fresh = directory.fresh(claim)
            pixels, labels = np.concatenate([fresh.pixels_NHWC] * 2), np.concatenate([fresh.labels] * 2)
            sides = [(bare, lambda: bare_loop(pixels, labels)), (stage, lambda: training_stage(directory, claim))]
            for turn in range(repeats + 1):
                for rates, run in sides if turn % 2 else sides[::-1]:
                    rate = run()
                    if turn:  # the first turn warms up
                        rates.append(rate)
    ratio = statistics.median(stage) / statistics.median(bare)
    return {
        "name": "training stage ÷ bare PyTorch loop, images/s",
        "ours": statistics.median(stage),
        "bare": statistics.median(bare),
        "ratio": ratio,
        "goal": "≥ 0.9",
        "met": ratio >= 0.9,
        "how": f"{ARCHITECTURE}, {SIZE} px, batch {BATCH}, {FRESH} fresh and as many replayed, CPU with "
        f"{torch.get_num_threads()} threads, both in turn, medians of {repeats}",
    }
