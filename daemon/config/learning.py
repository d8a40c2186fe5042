"""The keys of what learns: model, round, learning, gate and sample store."""

from typing import Annotated, Literal

from pydantic import Field

from daemon.config.section import Bytes, Count, Label, Name, Seconds, Section, shaped

Fraction = Annotated[float, Field(ge=0.001, le=0.5)]
Architecture = Annotated[
    str,
    shaped(
        r"^[A-Za-z_]\w*((\.[A-Za-z_]\w*)*:[A-Za-z_]\w*)?$",
        'the name of a torchvision classifier, as resnet18, or "package.module:factory"',
    ),
]


class Model(Section):
    """What is trained and published."""

    name: Name = "default"
    """The model's name: its folder in the repository, its path over HTTP, its key on the announcement topic."""
    architecture: Architecture = "resnet18"
    """A torchvision classifier by name, or "package.module:factory"."""
    initial_weights: str = ""
    """A .pth or .safetensors file to start from; empty: random weights."""
    trainable: Literal["all", "last-block", "head"] = "all"
    """What learns; the rest stays as model.initial_weights, or what was learnt, made it. last-block: with the head."""
    classes: Annotated[
        tuple[Label, ...],
        Field(json_schema_extra={"right": "a list of names without control characters, or an empty one"}),
    ] = ()
    """Class names. Empty: the list grows as labels appear; given: closed, others are dead letters (unknown_label)."""
    classes_max: Annotated[int, Field(ge=2, le=100_000)] = 1_000
    """Classes that a growing list may have at most."""
    class_min_samples: Annotated[int, Field(ge=1, le=10_000)] = 10
    """Distinct pictures, from at least two windows, that make a label a class (until then they wait); 1: the first."""
    stem: Literal["auto", "torchvision"] = "auto"
    """auto: one fit for small images where image.size <= 64; torchvision: as torchvision builds it."""


class Round(Section):
    """When a round starts, and how much it trains."""

    samples: Count = 512
    """Fresh samples that start a round."""
    min_samples: Count = 32
    """No round is smaller, unless the topic is at its end and max_wait_s is over."""
    max_wait_s: Seconds = 60.0
    """Seconds that the oldest fresh sample waits at most before a round starts."""
    passes: Annotated[int, Field(ge=1, le=100)] = 1
    """Times that a fresh sample is trained on in its round."""
    steps_min: Annotated[int, Field(ge=1, le=1_000)] = 4
    """Steps that a round trains at least."""
    steps_max: Count = 2_000
    """Steps that a round trains at most."""
    batch: Annotated[int, Field(ge=2, le=65_536)] = 64
    """Samples of one step, fresh and replayed together."""
    replay: Annotated[float, Field(ge=0, le=100)] = 1.0
    """Replayed samples for each fresh one; in the mean, where replay is saved."""
    save_replay: bool = True
    """Replay less with a window that lacks nothing, and more with one that lacks classes: as much in the mean."""
    drift_delta: Annotated[float, Field(ge=0, lt=1)] = 0.002
    """Significance of a drift alarm, after which the next round starts at min_samples; 0: no alarms."""
    poll_s: Annotated[float, Field(ge=0.01, le=60)] = 0.5
    """Seconds between two looks at the buffer."""


class Learning(Section):
    """How weights change."""

    optimiser: Literal["auto", "adamw", "sgd"] = "auto"
    """auto: the one that suits the architecture."""
    lr: Annotated[float, Field(ge=0, le=100)] = 0.0
    """Learning rate; 0: the architecture's own."""
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.0005
    """Decay of weights, none of it on biases and norms."""
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """Decay of the average of weights that is published, for each step."""
    flip: bool = True
    """Mirror images at random; off where they have a side, as digits and signs do."""
    crop: bool = True
    """Shift images at random by a few pixels."""
    label_smoothing: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Share of each label that is spread over all classes."""
    recall: Annotated[float, Field(ge=0, le=10)] = 0.15
    """Weight of holding on to what was answered to a replayed sample, the more the store has evicted; 0: none."""
    margin: Annotated[float, Field(ge=0, le=10)] = 2.4
    """Margin of classes that a window lacks and the store has evicted, for one kept image; n: by n^-1/4; 0: none."""
    challenger_turns: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Turns of idle time, each as long as a round, that a challenger is trained from scratch on the store; 0: none."""
    robustness: Annotated[float, Field(ge=0, le=1)] = 0.0
    """0 for labels that are mostly right; 0.3 where every third is wrong: samples that are far off then count less."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Seed of everything that is drawn."""


class Gate(Section):
    """When a candidate may replace the champion."""

    alpha: Annotated[float, Field(ge=0.001, lt=0.5)] = 0.05
    """Significance at which a candidate is called harmful."""
    when_uncertain: Literal["publish", "hold"] = "publish"
    """What becomes of a candidate that too few held-out samples can judge."""
    first_holdout: Annotated[int, Field(ge=1, le=1_000_000)] = 30
    """Held-out samples that the first version needs."""


class Store(Section):
    """What is kept for replay and judging."""

    bytes_max: Bytes = 10_000_000_000
    """Bytes of stored pixels; above it samples are evicted, balanced by class."""
    holdout_fraction: Fraction = 0.05
    """Share of samples held out for judging once holdout_first are held."""
    holdout_first: Annotated[int, Field(ge=0, le=1_000_000)] = 2_000
    """Held-out samples up to which one in five is held out."""
    holdout_max: Annotated[int, Field(ge=1, le=1_000_000)] = 4_000
    """Held-out samples that judging uses at most."""
    versions_kept: Annotated[int, Field(ge=1, le=1_000)] = 10
    """Versions whose weights are kept for a rollback: the newest three, and older ones ever further apart."""
    segment_compact_below: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Share of live samples below which a segment file is rewritten."""
    relabel_class_max: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Share of a class that one source may relabel by itself until `tidemill quarantine reviewed`; 0: a person does."""
    relabel_holdout_max: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Share of the held-out images that one source may relabel by itself, likewise; 0: a person does."""
    waiting_max: Count = 10_000
    """Samples that may wait for their label to become a class; beyond, the oldest are dropped, and counted."""
