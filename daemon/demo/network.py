"""The demo's own network, as one names it by "package.module:factory": small, for pictures of 8 x 8 pixels."""

from torch import nn


def small_cnn(classes_n: int, size: int) -> nn.Module:
    """Return a network of six convolutions for [n, 3, size, size]; `size` is at least 4."""
    return nn.Sequential(
        *_block(3, 32),
        *_block(32, 32),
        *_block(32, 64, stride=2),
        *_block(64, 64),
        *_block(64, 128, stride=2),
        *_block(128, 128),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(128, classes_n),
    )


def _block(channels_in: int, channels_out: int, stride: int = 1) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False)
    return convolution, nn.BatchNorm2d(channels_out), nn.ReLU()
