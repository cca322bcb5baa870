"""The networks that several methods share, as their options ask for them."""

from ffa_keras import losses
from ffa_keras.errors import InputError
from ffa_keras.methods.options import (
    AdversarialOptions,
    Options,
    PerceptualOptions,
    ResnetOptions,
)
from ffa_keras.models import PatchDiscriminator, ResnetGenerator


def resnet(options: ResnetOptions, channels: int = 1) -> ResnetGenerator:
    """Return the ResNet generator.

    Args:
        options: its width, blocks, dropout, scale and upsampling.
        channels: of its output: 1 for an FFA image, 3 for a photograph.
    """
    return ResnetGenerator(
        options.num_filters,
        options.num_blocks,
        options.dropout,
        channels,
        options.field_diameter,
        options.upsampling,
    )


def patch_gan(
    options: AdversarialOptions,
    num_strided: int = 3,
    normalization: str = "instance",
) -> PatchDiscriminator:
    """Return the PatchGAN.

    Args:
        options: its width, and the size of the patches.
        num_strided: as of `PatchDiscriminator`.
        normalization: as of `PatchDiscriminator`.

    Raises:
        InputError: the patches are too small for it.
    """
    network = PatchDiscriminator(
        options.discriminator_filters, num_strided, normalization
    )
    least = network.min_side
    if min(options.patch_height, options.patch_width) < least:
        raise InputError(
            f"--patch_height={options.patch_height}"
            f" --patch_width={options.patch_width}: the discriminator of this"
            f" method judges patches of at least {least}x{least} pixels"
        )
    return network


def vgg19(options: Options) -> losses.PerceptualLoss | None:
    """Return the perceptual loss; `None` where the options ask for none.

    Args:
        options: its weight, and where the weights of VGG19 are.

    Raises:
        InputError: they cannot be had.
    """
    if isinstance(options, PerceptualOptions) and options.perceptual_weight:
        return losses.PerceptualLoss(options.vgg_weights)
    return None
