"""The champion's accuracy on a window before it is learnt (Dawid 1984: predict, score, then learn)."""

from model.judging.answers import Answers


def prequential_accuracy(champion: Answers, known_classes_n: int) -> float | None:
    """Return the accuracy on samples whose class the champion knows (label < known_classes_n); None without any."""
    known = champion.labels < known_classes_n
    return float(champion.correct[known].mean()) if known.any() else None
