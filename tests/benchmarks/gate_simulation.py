"""How often the gate publishes what it should and refuses what it should, on simulated answers.

    python -m tests.benchmarks.gate_simulation [--trials 2000] [--seed 0]

The tests and their shares of alpha are the gate's own (`model/judging/harm.py`); only the answers are drawn. Ten
classes of equal size; `disagreement` is the share of samples that exactly one of the two models has right.
"""

import argparse
from collections.abc import Iterable

import numpy as np

from model.judging.harm import CLASS_MIN, NEWEST_MAX, OTHERS, Evidence, find_harm
from model.judging.paired import Pairing

ALPHA, CLASSES = 0.05, 10
SIZES = ((800, 0.03), (1750, 0.06), (2850, 0.10), (4150, 0.15))
HISTORY = 50


def flips(rng: np.random.Generator, n: int, disagreement: float, loss: float) -> np.ndarray:
    """Return [n]: -1 where the candidate lost a sample, 1 where it won one."""
    lost, won = (disagreement + loss) / 2, max(0.0, (disagreement - loss) / 2)
    return rng.choice([-1, 0, 1], n, p=[lost, 1 - lost - won, won])


def pairing(flipped: np.ndarray) -> Pairing:
    return Pairing(len(flipped), int((flipped < 0).sum()), int((flipped > 0).sum()))


def evidence(flipped: np.ndarray, reference: Pairing | None = None) -> Evidence:
    """Return the evidence of samples whose classes take turns; the newest are the last."""
    classes = {label: pairing(flipped[label::CLASSES]) for label in range(CLASSES)}
    if len(flipped) // CLASSES < CLASS_MIN:
        classes = {OTHERS: pairing(flipped)}
    return Evidence(pairing(flipped), pairing(flipped[-NEWEST_MAX:]), classes, reference)


def refused(flipped: Iterable[np.ndarray]) -> float:
    return float(np.mean([bool(find_harm(evidence(one), ALPHA)) for one in flipped]))


def one_class_ruined(rng: np.random.Generator, n: int, disagreement: float) -> np.ndarray:
    """Return a candidate that lost 20 points on one class and won 4 on each other, so that the mean rises."""
    flipped = flips(rng, n, max(disagreement, 0.04), -0.04)
    ruined = slice(0, None, CLASSES)
    flipped[ruined] = flips(rng, len(flipped[ruined]), 0.20 + disagreement, 0.20)
    return flipped


class Stream:
    """Versions whose right answers on one holdout come and go, while their true quality moves by `drift` a round."""

    def __init__(self, rng: np.random.Generator, n: int, disagreement: float) -> None:
        self.rng, self.n = rng, n
        self.hard = rng.random(n) < 0.3  # the samples on which versions differ; right in two of three cases
        self.redrawn = disagreement / (0.3 * 2 * (2 / 3) * (1 / 3))
        self.champion = np.where(self.hard, rng.random(n) < 2 / 3, True)
        self.best, self.best_age = self.champion, 0
        self.rounds = self.harmful = 0
        self.shift = 0.0

    def step(self, drift: float = 0.0) -> bool:
        """Judge the next candidate; publish it unless harmful. Return whether it was harmful."""
        self.shift += drift
        p = 2 / 3 - self.shift / 0.3
        again = self.hard & (self.rng.random(self.n) < self.redrawn)
        candidate = np.where(again, self.rng.random(self.n) < p, self.champion)
        if drift:  # also what is not drawn anew gets worse
            candidate &= ~(self.hard & ~again & (self.rng.random(self.n) < drift / 0.3 / p))
        flipped = candidate.astype(int) - self.champion
        reference = pairing(candidate.astype(int) - self.best)
        harmful = bool(find_harm(evidence(flipped, reference), ALPHA))
        self.rounds, self.harmful, self.best_age = self.rounds + 1, self.harmful + harmful, self.best_age + 1
        if not harmful:
            self.champion = candidate
            if candidate.sum() >= self.best.sum() or self.best_age > HISTORY:
                self.best, self.best_age = candidate, 0
        return harmful


def long_run(rng: np.random.Generator, n: int, disagreement: float, trials: int) -> tuple[float, float]:
    """Return the share of equal candidates published in all of 300 rounds, and in the last 50 of them."""
    every, late = [], []
    for _ in range(trials):
        stream = Stream(rng, n, disagreement)
        harmful = [stream.step() for _ in range(300)]
        every.append(1 - np.mean(harmful))
        late.append(1 - np.mean(harmful[-50:]))
    return float(np.mean(every)), float(np.mean(late))


def slide(rng: np.random.Generator, n: int, disagreement: float, trials: int) -> float:
    """Return the share of trials in which a model that loses 0.5 points in each of ten rounds is stopped."""
    stopped = 0
    for _ in range(trials):
        stream = Stream(rng, n, disagreement)
        stopped += any(stream.step(0.005) for _ in range(10))
    return stopped / trials


def main() -> None:
    """Print the table of docs/learning.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng, trials = np.random.default_rng(given.seed), given.trials
    few = max(10, trials // 50)
    print(f"{trials} trials; {few} runs of 300 rounds; {trials // 4} slides")
    print(
        "| held out, disagreement | equal: published | of 300 rounds on one holdout | of the last 50 | 2 points worse:"
    )
    print("published | one class 20 points worse: refused | 0.5 points in each of ten rounds: stopped |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for n, disagreement in SIZES:
        equal = 1 - refused(flips(rng, n, disagreement, 0.0) for _ in range(trials))
        every, late = long_run(rng, n, disagreement, few)
        worse = 1 - refused(flips(rng, n, disagreement, 0.02) for _ in range(trials))
        sizes = max(n, CLASS_MIN * CLASSES)
        ruined = refused(one_class_ruined(rng, sizes, disagreement) for _ in range(trials))
        stopped = slide(rng, n, disagreement, trials // 4)
        cells = [equal, every, late, worse, ruined, stopped]
        print(
            f"| {n}, {100 * disagreement:.0f} % | " + " | ".join(f"{100 * one:.1f} %" for one in cells) + " |",
            flush=True,
        )


if __name__ == "__main__":
    main()
