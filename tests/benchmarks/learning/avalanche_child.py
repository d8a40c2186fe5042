"""The peers, run by Avalanche 0.6.0 in an environment of its own: python avalanche_child.py JOB.npz OUT.npz

Each gets the same windows as Tidemill, its network with the same first weights, its input normalised by the training
images, and as many sample-gradients: a batch has 32 fresh images and 32 of the memory. GDumb learns from its memory
alone, afresh at the end of each task, with all the gradients that the others have had by then.
"""

import json
import sys
import time
import warnings
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

warnings.filterwarnings("ignore")

from avalanche.benchmarks import tensors_benchmark  # noqa: E402
from avalanche.core import SupervisedPlugin  # noqa: E402
from avalanche.training import DER, ER_ACE, GDumb, Naive  # noqa: E402
from avalanche.training.plugins import EvaluationPlugin, ReplayPlugin  # noqa: E402
from avalanche.training.storage_policy import ReservoirSamplingBuffer  # noqa: E402

from model.network.build import build  # noqa: E402
from model.network.normalisation import Normalisation  # noqa: E402
from model.network.spec import NetworkSpec  # noqa: E402
from model.seeding import seed_of  # noqa: E402

HALF = 32
"""Fresh images of a batch, and as many of the memory."""
TEST_BATCH = 1_000


class OnPixels(nn.Module):
    """Takes images of one channel or three, uint8 as stored, for a network that takes three in 0..1."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels_NCHW: Tensor) -> Tensor:
        """Map pixels to logits."""
        return self.network(pixels_NCHW.expand(-1, 3, -1, -1).float() / 255)


class Budget(SupervisedPlugin):
    """Counts sample-gradients; ends an epoch after as many batches as the fresh images have."""

    def __init__(self) -> None:
        super().__init__()
        self.gradients = 0
        self.left = 0

    def after_forward(self, strategy: Any, **_: Any) -> None:
        """Count a batch, the part of the memory included that ER-ACE keeps apart."""
        self.gradients += len(strategy.mb_output)
        if isinstance(strategy, ER_ACE) and strategy.replay_loader is not None:
            self.gradients += len(strategy.mb_buffer_x)

    def after_training_iteration(self, strategy: Any, **_: Any) -> None:
        """Stop where the loader would go on through the whole memory."""
        self.left -= 1
        if self.left == 0:
            strategy.stop_training()


def strategy(name: str, model: nn.Module, job: dict[str, Any], budget: Budget) -> Any:
    """Return Avalanche's strategy of this name."""
    optimiser: torch.optim.Optimizer
    if job["optimiser"] == "adamw":
        optimiser = torch.optim.AdamW(model.parameters(), lr=job["lr"])
    else:
        optimiser = torch.optim.SGD(model.parameters(), lr=job["lr"], momentum=job["momentum"])
    common = {
        "model": model,
        "optimizer": optimiser,
        "criterion": nn.CrossEntropyLoss(),
        "train_mb_size": HALF,
        "train_epochs": job["passes"],
        "plugins": [budget],
        "evaluator": EvaluationPlugin(),
    }
    memory = job["memory"]
    if name == "ER":
        replay = ReplayPlugin(memory, HALF, HALF, storage_policy=ReservoirSamplingBuffer(memory))
        return Naive(**{**common, "plugins": [replay, budget]})
    if name == "ER-ACE":
        return ER_ACE(**common, mem_size=memory, batch_size_mem=HALF)
    if name == "DER++":
        return DER(**common, mem_size=memory, batch_size_mem=HALF, alpha=job["alpha"], beta=job["beta"])
    if name == "GDumb":
        return GDumb(**{**common, "train_mb_size": 2 * HALF}, mem_size=memory)
    raise ValueError(f"no peer {name!r}")


def network(job: dict[str, Any], pixels: np.ndarray) -> OnPixels:
    """Return the network with Tidemill's first weights for this seed, and the training images' normalisation."""
    spec = NetworkSpec(job["architecture"], job["size"], job["classes"])
    axes = (0, 1, 2)
    mean, std = (np.broadcast_to(one / 255, 3) for one in (pixels.mean(axes), pixels.std(axes)))
    normalisation = Normalisation(tuple(map(float, mean)), tuple(float(max(one, 0.02)) for one in std))
    return OnPixels(build(spec, seed_of(job["seed"], 0, "weights"), normalisation))


def experiences(pixels: np.ndarray, labels: np.ndarray, bounds: list[int]) -> Any:
    """Return one experience for each part between two bounds."""
    parts = []
    for start, end in pairwise(bounds):
        images = torch.from_numpy(np.ascontiguousarray(pixels[start:end].transpose(0, 3, 1, 2)))
        parts.append((images, torch.from_numpy(labels[start:end])))
    return tensors_benchmark(parts, parts[:1], task_labels=[0] * len(parts)).train_stream


def answer(model: nn.Module, pixels: np.ndarray) -> np.ndarray:
    """Return the logits on test images."""
    model.eval()
    with torch.inference_mode():
        parts = [
            model(torch.from_numpy(pixels[start : start + TEST_BATCH].transpose(0, 3, 1, 2).copy())).numpy()
            for start in range(0, len(pixels), TEST_BATCH)
        ]
    return np.concatenate(parts)


def main() -> int:
    """Run one peer on one stream."""
    file = np.load(sys.argv[1])
    job = json.loads(str(file["job"]))
    torch.manual_seed(job["seed"])
    np.random.seed(job["seed"])
    pixels, labels = file["pixels"], file["labels"]
    budget, model = Budget(), network(job, pixels)
    learner = strategy(job["name"], model, job, budget)
    whole = job["name"] == "GDumb"
    bounds = job["task_bounds"] if whole else job["window_bounds"]
    ends = set(job["task_bounds"][1:])
    out, seconds = {}, 0.0
    for number, experience in enumerate(experiences(pixels, labels, bounds)):
        end = bounds[number + 1]
        if whole:
            kept = min(end, job["memory"])
            learner.train_epochs, budget.left = -(-2 * job["passes"] * end // kept), -1
            budget.gradients = 0
        else:
            budget.left = -(-(end - bounds[number]) // HALF) * job["passes"]
        began = time.perf_counter()
        learner.train(experience, num_workers=0)
        seconds += time.perf_counter() - began
        if end in ends:
            task = job["task_bounds"].index(end) - 1
            for earlier in range(task + 1):
                out[f"after_{task}_{earlier}"] = answer(learner.model, file[f"test_{job['tests'][earlier]}"])
    np.savez(sys.argv[2], facts=json.dumps({"sample_gradients": budget.gradients, "seconds": seconds}), **out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
