"""Keras layers, generators and discriminators."""

from ffa_keras.models.appearance import AppearanceDecoder, AppearanceEncoder
from ffa_keras.models.discriminators import (
    MultiscaleDiscriminator,
    PatchDiscriminator,
)
from ffa_keras.models.disentangled import (
    DisentangledGenerator,
    StructureDiscriminator,
    structure_encoder,
)
from ffa_keras.models.layers import (
    ReflectionPadding2D,
    ResidualBlock,
    SmoothConv2DTranspose,
)
from ffa_keras.models.normalization import (
    BatchStatisticsNormalization,
    ImageNormalization,
    InstanceNormalization,
)
from ffa_keras.models.pix2pix import Pix2PixGenerator
from ffa_keras.models.resnet import ResnetGenerator
from ffa_keras.models.unet import UnetGenerator

__all__ = [
    "AppearanceDecoder",
    "AppearanceEncoder",
    "BatchStatisticsNormalization",
    "DisentangledGenerator",
    "ImageNormalization",
    "InstanceNormalization",
    "MultiscaleDiscriminator",
    "PatchDiscriminator",
    "Pix2PixGenerator",
    "ReflectionPadding2D",
    "ResidualBlock",
    "ResnetGenerator",
    "SmoothConv2DTranspose",
    "StructureDiscriminator",
    "UnetGenerator",
    "structure_encoder",
]
