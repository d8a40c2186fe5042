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
from model.judging.standing import Standing, stand
from model.store.kept_answers import PREDECESSORS

ALPHA, CLASSES = 0.05, 10
SIZES = ((800, 0.03), (1750, 0.06), (2850, 0.10), (4150, 0.15))
HISTORY = 50
HARD, RIGHT = 0.3, 2 / 3
"""Share of samples on which versions differ, and of these the share that one has right."""


def flips(rng: np.random.Generator, n: int, disagreement: float, loss: float) -> np.ndarray:
    """Return [n]: -1 where the candidate lost a sample, 1 where it won one."""
    lost, won = (disagreement + loss) / 2, max(0.0, (disagreement - loss) / 2)
    return rng.choice([-1, 0, 1], n, p=[lost, 1 - lost - won, won])


def pairing(flipped: np.ndarray) -> Pairing:
    return Pairing(len(flipped), int((flipped < 0).sum()), int((flipped > 0).sum()))


def evidence(flipped: np.ndarray, reference: Pairing | None = None, standing: Standing | None = None) -> Evidence:
    """Return the evidence of samples whose classes take turns; the newest are the last."""
    classes = {label: pairing(flipped[label::CLASSES]) for label in range(CLASSES)}
    if len(flipped) // CLASSES < CLASS_MIN:
        classes = {OTHERS: pairing(flipped)}
    return Evidence(pairing(flipped), pairing(flipped[-NEWEST_MAX:]), classes, reference, standing)


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
        self.rng, self.n, self.disagreement = rng, n, disagreement
        self.hard = rng.random(n) < HARD  # the samples on which versions differ
        self.redrawn = disagreement / (HARD * 2 * RIGHT * (1 - RIGHT))
        self.champion = np.where(self.hard, rng.random(n) < RIGHT, True)
        self.predecessors: list[np.ndarray] = []
        self.best, self.best_age = self.champion, 0
        self.shift = 0.0

    def step(self, drift: float = 0.0) -> bool:
        """Judge the next candidate; publish it unless harmful. Return whether it was harmful."""
        self.shift += drift
        p = RIGHT - self.shift / HARD
        again = self.hard & (self.rng.random(self.n) < self.redrawn)
        candidate = np.where(again, self.rng.random(self.n) < p, self.champion)
        if drift:  # also what is not drawn anew gets worse
            candidate &= ~(self.hard & ~again & (self.rng.random(self.n) < drift / HARD / p))
        harmful, self.best_age = self.refuses(candidate), self.best_age + 1
        if not harmful:
            self.predecessors = [self.champion, *self.predecessors][:PREDECESSORS]
            self.champion = candidate
            if candidate.sum() >= self.best.sum() or self.best_age > HISTORY:
                self.best, self.best_age = candidate, 0
        return harmful

    def worse(self, loss: float) -> np.ndarray:
        """Return a candidate that has `loss` fewer right than a champion of the true quality, changing nothing."""
        lost, won = (self.disagreement + loss) / 2, (self.disagreement - loss) / 2
        thrown = self.rng.random(self.n)
        changed = np.where(self.champion, thrown >= lost / (HARD * RIGHT), thrown < won / (HARD * (1 - RIGHT)))
        return np.where(self.hard, changed, True)

    def refuses(self, candidate: np.ndarray) -> bool:
        """Judge a candidate by all that the gate goes by."""
        flipped = candidate.astype(int) - self.champion
        reference = pairing(candidate.astype(int) - self.best)
        standing = stand(candidate, self.champion, self.predecessors) if self.predecessors else None
        return bool(find_harm(evidence(flipped, reference, standing), ALPHA))


def long_run(rng: np.random.Generator, n: int, disagreement: float, trials: int) -> tuple[float, float]:
    """Return the share published in 300 rounds on one holdout: of equal candidates, and of others 2 points worse."""
    equal, worse = [], []
    for _ in range(trials):
        stream = Stream(rng, n, disagreement)
        for number in range(300):
            if number % 3 == 0:
                worse.append(not stream.refuses(stream.worse(0.02)))
            equal.append(not stream.step())
    return float(np.mean(equal)), float(np.mean(worse))


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
        "| held out, disagreement | equal: published | in 300 rounds on one holdout | 2 points worse: published "
        "| in 300 rounds | one class 20 points worse: refused | 0.5 points in each of ten rounds: stopped |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for n, disagreement in SIZES:
        equal = 1 - refused(flips(rng, n, disagreement, 0.0) for _ in range(trials))
        every, every_worse = long_run(rng, n, disagreement, few)
        worse = 1 - refused(flips(rng, n, disagreement, 0.02) for _ in range(trials))
        sizes = max(n, CLASS_MIN * CLASSES)
        ruined = refused(one_class_ruined(rng, sizes, disagreement) for _ in range(trials))
        stopped = slide(rng, n, disagreement, trials // 4)
        cells = [equal, every, worse, every_worse, ruined, stopped]
        print(
            f"| {n}, {100 * disagreement:.0f} % | " + " | ".join(f"{100 * one:.1f} %" for one in cells) + " |",
            flush=True,
        )


if __name__ == "__main__":
    main()
