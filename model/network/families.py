"""The torchvision classifiers that are supported: their names, stems and optimisers. A tested list.

Left out: heads that are no nn.Linear (squeezenet), outputs that are tuples (googlenet, inception_v3), and those that
need large images (alexnet, vgg, maxvit).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import nn

from model.network import stems
from model.network.errors import UnsupportedArchitectureError
from model.network.spec import NetworkSpec


@dataclass(frozen=True, slots=True)
class Family:
    """Architectures that are built, cut and trained alike."""

    names: tuple[str, ...]
    fit_small: Callable[[nn.Module, int], None]
    """Replaces the stem by one for small images of that side, in place."""
    last_block: str = ""
    """First module of the last stage, within the body; -2: the last but one of its siblings. Empty: not known."""
    optimiser: Literal["adamw", "sgd"] = "adamw"
    lr: float = 1e-3
    stem_tensors: tuple[str, ...] = ()
    """Names, in the body's state, whose shapes depend on the stem."""


VITS = {
    "vit_b_16": stems.VitShape(16, 12, 12, 768, 3072),
    "vit_b_32": stems.VitShape(32, 12, 12, 768, 3072),
    "vit_l_16": stems.VitShape(16, 24, 16, 1024, 4096),
    "vit_l_32": stems.VitShape(32, 24, 16, 1024, 4096),
}

FAMILIES = (
    Family(
        (
            *(f"resnet{layers}" for layers in (18, 34, 50, 101, 152)),
            *("resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d", "wide_resnet50_2", "wide_resnet101_2"),
        ),
        stems.fit_resnet,
        "layer4",
        stem_tensors=("conv1.weight",),
    ),
    Family(("mobilenet_v2",), stems.fit_mobile, "features.-2"),
    Family(("mobilenet_v3_small", "mobilenet_v3_large"), stems.fit_mobile, "features.-4"),
    Family(
        (*(f"efficientnet_b{n}" for n in range(8)), *(f"efficientnet_v2_{size}" for size in "sml")),
        stems.fit_mobile,
        "features.-2",
    ),
    Family(
        tuple(f"convnext_{size}" for size in ("tiny", "small", "base", "large")),
        stems.fit_patches,
        "features.-2",
        stem_tensors=("features.0.0.weight",),
    ),
    Family(
        tuple(VITS),
        stems.fit_nothing,
        "encoder.layers.-1",
        lr=3e-4,
        stem_tensors=("conv_proj.weight", "encoder.pos_embedding"),
    ),
    Family(
        ("swin_t", "swin_s", "swin_b"),
        stems.fit_patches,
        "features.-2",
        lr=3e-4,
        stem_tensors=("features.0.0.weight",),
    ),
    Family(
        ("densenet121", "densenet161", "densenet169", "densenet201"),
        stems.fit_densenet,
        "features.denseblock4",
        stem_tensors=("features.conv0.weight",),
    ),
    Family(
        tuple(f"regnet_{kind}_{size}" for kind in "xy" for size in ("400mf", "800mf", "1_6gf", "3_2gf")),
        stems.fit_regnet,
        "trunk_output.-1",
    ),
    Family(tuple(f"shufflenet_v2_x{width}" for width in ("0_5", "1_0", "1_5", "2_0")), stems.fit_shufflenet, "stage4"),
    Family(("mnasnet0_5", "mnasnet0_75", "mnasnet1_0", "mnasnet1_3"), stems.fit_mnasnet, "layers.-4"),
)

OWN = Family((), stems.fit_nothing)

SUPPORTED: tuple[str, ...] = tuple(name for family in FAMILIES for name in family.names)


def family_of(architecture: str) -> Family:
    """Return the family of a torchvision name, or the one of own factories. Raises UnsupportedArchitectureError."""
    if ":" in architecture:
        return OWN
    for family in FAMILIES:
        if architecture in family.names:
            return family
    raise UnsupportedArchitectureError(
        f"model.architecture: {architecture!r} is not supported; take one of {', '.join(SUPPORTED)}, "
        'or your own as "package.module:factory"'
    )


def build_body(spec: NetworkSpec) -> nn.Module:
    """Build a torchvision classifier for `spec`, with its stem. Raises UnsupportedArchitectureError, ValueError."""
    family = family_of(spec.architecture)
    import torchvision  # noqa: PLC0415 - takes the start of a learner seconds, and own factories need none of it

    if spec.architecture in VITS:
        return stems.vit(VITS[spec.architecture], spec.size, spec.classes_n, small=spec.small_stem)
    body: nn.Module = torchvision.models.get_model(spec.architecture, weights=None, num_classes=spec.classes_n)
    if spec.small_stem:
        family.fit_small(body, spec.size)
    return body
