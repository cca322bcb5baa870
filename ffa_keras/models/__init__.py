"""Keras layers, generators and discriminators."""

from ffa_keras.models.discriminators import PatchDiscriminator
from ffa_keras.models.layers import (
    InstanceNormalization,
    ReflectionPadding2D,
    ResidualBlock,
    SmoothConv2DTranspose,
)
from ffa_keras.models.resnet import ResnetGenerator

__all__ = [
    "InstanceNormalization",
    "PatchDiscriminator",
    "ReflectionPadding2D",
    "ResidualBlock",
    "ResnetGenerator",
    "SmoothConv2DTranspose",
]
