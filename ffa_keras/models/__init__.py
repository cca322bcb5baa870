"""Keras layers, generators and discriminators."""

from ffa_keras.models.discriminators import PatchDiscriminator
from ffa_keras.models.layers import (
    BatchStatisticsNormalization,
    InstanceNormalization,
    ReflectionPadding2D,
    ResidualBlock,
    SmoothConv2DTranspose,
)
from ffa_keras.models.pix2pix import Pix2PixGenerator
from ffa_keras.models.resnet import ResnetGenerator
from ffa_keras.models.unet import UnetGenerator

__all__ = [
    "BatchStatisticsNormalization",
    "InstanceNormalization",
    "PatchDiscriminator",
    "Pix2PixGenerator",
    "ReflectionPadding2D",
    "ResidualBlock",
    "ResnetGenerator",
    "SmoothConv2DTranspose",
    "UnetGenerator",
]
