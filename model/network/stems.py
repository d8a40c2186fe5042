"""Stems fit for small images: torchvision's go to a map of a quarter of the side before the first block.

At 32 pixels its last block would see a single point; with these stems it sees 2 by 2 or more. Where a stride alone
changes, shapes stay, and weights made for the usual stem still load. A step of a residual or dense network costs four
times the usual stem's at 32 pixels, and the same at 64.
"""

from dataclasses import dataclass
from typing import cast

import torch
from torch import nn

UNPOOLED_MAX = 32
"""Side up to which residual and dense networks do not pool before the first block. At stride 1, as published for CIFAR,
a step would cost sixteen times the usual stem's."""
PATCHES_SIDE = 8
"""Patches along a side that a vision transformer gets of a small image."""


@dataclass(frozen=True, slots=True)
class VitShape:
    """The numbers behind a vision transformer's name."""

    patch: int
    layers: int
    heads: int
    hidden: int
    mlp: int


def fit_nothing(_body: nn.Module, _size: int) -> None:
    """Leave the stem as it is."""


def fit_resnet(body: nn.Module, size: int) -> None:
    """3x3 instead of 7x7 (He 2016 on CIFAR), and no pooling up to 32 pixels: the first block sees 16 by 16 at most."""
    body.conv1 = _conv3(cast("nn.Conv2d", body.get_submodule("conv1")))
    if size <= UNPOOLED_MAX:
        body.maxpool = nn.Identity()


def fit_densenet(body: nn.Module, size: int) -> None:
    """3x3 instead of 7x7 (Huang 2017 on CIFAR), and no pooling up to 32 pixels."""
    features = body.get_submodule("features")
    features.conv0 = _conv3(cast("nn.Conv2d", features.get_submodule("conv0")))
    if size <= UNPOOLED_MAX:
        features.pool0 = nn.Identity()


def fit_mobile(body: nn.Module, _size: int) -> None:
    """Stride 1 in the first convolution of mobilenets and efficientnets."""
    _unstride(body, "features.0.0")


def fit_regnet(body: nn.Module, _size: int) -> None:
    """Stride 1 in the first convolution."""
    _unstride(body, "stem.0")


def fit_mnasnet(body: nn.Module, _size: int) -> None:
    """Stride 1 in the first convolution."""
    _unstride(body, "layers.0")


def fit_shufflenet(body: nn.Module, _size: int) -> None:
    """Stride 1 in the first convolution, no pooling."""
    _unstride(body, "conv1.0")
    body.maxpool = nn.Identity()


def fit_patches(body: nn.Module, _size: int) -> None:
    """Patches of 2 by 2 instead of 4 by 4, in convnext and swin."""
    stem = cast("nn.Sequential", body.get_submodule("features.0"))
    old = cast("nn.Conv2d", stem[0])
    new = nn.Conv2d(old.in_channels, old.out_channels, kernel_size=2, stride=2)
    nn.init.trunc_normal_(new.weight, std=0.02)
    nn.init.zeros_(cast("torch.Tensor", new.bias))
    stem[0] = new


def vit(shape: VitShape, size: int, classes_n: int, *, small: bool) -> nn.Module:
    """Build a vision transformer for images of `size`. Raises ValueError where patches do not tile them."""
    from torchvision.models import VisionTransformer  # noqa: PLC0415 - see families.build_body

    patch = patch_of(size) if small else shape.patch
    if size % patch:
        raise ValueError(f"patches of {patch} pixels do not tile it: make it a multiple of {patch}")
    body: nn.Module = VisionTransformer(
        image_size=size,
        patch_size=patch,
        num_layers=shape.layers,
        num_heads=shape.heads,
        hidden_dim=shape.hidden,
        mlp_dim=shape.mlp,
        num_classes=classes_n,
    )
    head = cast("nn.Linear", body.get_submodule("heads.head"))
    # torchvision starts the head at zero: rows without a norm are nothing that a grown head could measure new ones by.
    nn.init.trunc_normal_(head.weight, std=0.02)
    return body


def patch_of(size: int) -> int:
    """Return the divisor of `size` that comes nearest to PATCHES_SIDE patches along a side, by ratio."""
    divisors = [patch for patch in range(1, size + 1) if size % patch == 0]
    return min(divisors, key=lambda patch: max(size / patch / PATCHES_SIDE, PATCHES_SIDE * patch / size))


def _conv3(old: nn.Conv2d) -> nn.Conv2d:
    new = nn.Conv2d(old.in_channels, old.out_channels, kernel_size=3, stride=2, padding=1, bias=False)
    nn.init.kaiming_normal_(new.weight, mode="fan_out", nonlinearity="relu")
    return new


def _unstride(body: nn.Module, name: str) -> None:
    cast("nn.Conv2d", body.get_submodule(name)).stride = (1, 1)
