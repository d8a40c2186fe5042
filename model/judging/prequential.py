"""The champion's accuracy on a window before it is learnt."""

from model.judging.answers import Answers


def prequential_accuracy(champion: Answers, known_classes_n: int) -> float | None:
    """Return the accuracy on samples whose class the champion knows (label < known_classes_n); None without any."""
    raise NotImplementedError
