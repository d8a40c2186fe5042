"""How a round trains. The configuration's `[round]` and `[learning]`, without their triggers."""

from dataclasses import dataclass
from typing import Literal

from model.network.spec import Trainable

OptimiserChoice = Literal["auto", "adamw", "sgd"]


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """How much a round trains."""

    passes: int = 1
    """Times that a fresh sample is trained on."""
    batch: int = 64
    """Samples of a step, fresh and replayed together."""
    replay: float = 1.0
    """Replayed samples for each fresh one; in the mean, where replay is saved."""
    save_replay: bool = True
    """Replay less where a window lacks nothing, and more where it does; see budget.py."""
    steps_min: int = 4
    steps_max: int = 2_000


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """How weights change."""

    optimiser: OptimiserChoice = "auto"
    lr: float = 0.0
    """0: the architecture's own."""
    weight_decay: float = 0.0005
    ema_decay: float = 0.99
    flip: bool = True
    crop: bool = True
    label_smoothing: float = 0.0
    recall: float = 0.15
    """Weight of holding on to former answers in replay, where nearly all samples were evicted; see recall.py."""
    margin: float = 2.4
    """By which a class is to win that is met in one kept picture alone, in units of the logits; see scarcity.py."""
    robustness: float = 0.0
    """Exponent q of the generalised cross-entropy, 0 to 1: the higher, the less a sample counts that is far off."""
    trainable: Trainable = "all"
    """Which part of the network learns; the rest stays bit for bit."""
