"""The systems that train here, by name, and what can be set of each.

A method's options are a dataclass: its fields are the method's flags. A field
`TERM_weight` gives the method the term of that name. No TensorFlow: flags and
`--help` cost nothing.
"""

import dataclasses
import pkgutil
from typing import Any

from ffa_keras.errors import InputError
from ffa_keras.settings import check, setting

# Of a translation from its input, in the units of VGG19.
_TRANSLATED_WEIGHT = 6e-6


@dataclasses.dataclass(frozen=True)
class Options:
    """What every method has: a generator, patches and a seed.

    Raises:
        InputError: a value is out of range, or the weights are all 0.
    """

    num_filters: int = setting(64, "width of the generator", 1)
    patch_height: int = setting(512, "height of a patch, pixels", 16)
    patch_width: int = setting(512, "width of a patch, pixels", 16)
    seed: int = setting(0, "of weights, patches and their order", 0, 2**32 - 1)

    def __post_init__(self) -> None:
        check(self)
        weights = term_weights(self)
        if weights and not any(weights.values()):
            raise InputError(
                ", ".join(f"--{term}_weight" for term in weights)
                + ": every loss weight is 0, nothing to learn from"
            )


@dataclasses.dataclass(frozen=True)
class ResnetOptions(Options):
    """Of the methods whose generator is the ResNet."""

    num_blocks: int = setting(9, "residual blocks", 0)
    dropout: float = setting(0.0, "dropout in the residual blocks", 0.0, 0.9)
    field_diameter: int = setting(
        0,
        "of the photographs' field of view, pixels: others are scaled to it"
        " before they are translated; 0 scales none",
        0,
    )
    upsampling: str = setting(
        "smooth",
        "transposed convolutions, blurred against checkerboards, or as the"
        " paper's",
        choices=("smooth", "transposed"),
    )


@dataclasses.dataclass(frozen=True)
class AdversarialOptions(Options):
    """Of the methods with a discriminator."""

    discriminator_filters: int = setting(64, "width of the discriminator", 1)
    adversarial_weight: float = setting(1.0, "weight of Eq. 4", 0.0)


@dataclasses.dataclass(frozen=True)
class Pix2PixOptions(AdversarialOptions):
    """Of pix2pix."""

    pixel_weight: float = setting(100.0, "alpha, weight of Eq. 5", 0.0)
    shift_tolerance: int = setting(
        0,
        "pixels that an FFA may lie off: the terms but the adversarial one"
        " compare each patch at the shift where it fits best",
        0,
        16,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        side = min(self.patch_height, self.patch_width)
        if self.shift_tolerance and side < 8 * self.shift_tolerance:
            raise InputError(
                f"--shift_tolerance={self.shift_tolerance}: patches of"
                f" {self.patch_height}x{self.patch_width} pixels leave too"
                " little to compare; give patches of at least"
                f" {8 * self.shift_tolerance} pixels"
            )


@dataclasses.dataclass(frozen=True)
class PerceptualOptions(AdversarialOptions):
    """Of the methods with a perceptual loss."""

    perceptual_weight: float = setting(
        0.001,
        "beta, weight of Eq. 6; 0 needs no VGG19 weights; of disentangled that"
        f" of a translation from its input, {_TRANSLATED_WEIGHT:g} by default",
        0.0,
    )
    vgg_weights: str = setting(
        "imagenet", "'imagenet' to download, or a .h5/.npz file", kind="place"
    )


@dataclasses.dataclass(frozen=True)
class NoSaliencyOptions(PerceptualOptions, Pix2PixOptions, ResnetOptions):
    """Of the paper's system without the saliency loss."""


@dataclasses.dataclass(frozen=True)
class ProposedOptions(NoSaliencyOptions):
    """Of the paper's system."""

    saliency_weight: float = setting(1.0, "gamma, weight of Eq. 7", 0.0)
    saliency_windows: str = setting(
        "51",
        "sides of the saliency's windows, odd numbers of pixels, as 25,75,151:"
        " Eq. 7 is averaged over them",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.windows()

    def windows(self) -> tuple[int, ...]:
        """Return the sides of the saliency's windows, pixels.

        Raises:
            InputError: one is no odd number of 9 to 511.
        """
        sides = self.saliency_windows.split(",")
        if not all(
            side.isdecimal() and int(side) in range(9, 512, 2) for side in sides
        ):
            raise InputError(
                f"--saliency_windows={self.saliency_windows}: give odd numbers"
                " of 9 to 511, with commas, as 51 or 25,75,151"
            )
        return tuple(map(int, sides))


@dataclasses.dataclass(frozen=True)
class CycleGanOptions(AdversarialOptions, ResnetOptions):
    """Of CycleGAN."""

    cycle_weight: float = setting(10.0, "weight of the cycle consistency", 0.0)
    identity_weight: float = setting(5.0, "weight of the identity terms", 0.0)
    pool_size: int = setting(50, "generated images kept to show again", 1)


@dataclasses.dataclass(frozen=True)
class DisentangledOptions(PerceptualOptions):
    """Of the disentangled translation."""

    num_codes: int = setting(8, "numbers that describe an appearance", 1)
    structure_weight: float = setting(
        1.0, "weight of structures that tell no kind", 0.0
    )
    cycle_weight: float = setting(10.0, "weight of the cycle consistency", 0.0)
    reconstruction_weight: float = setting(
        10.0, "weight of each image from its own parts", 0.0
    )
    code_weight: float = setting(
        10.0, "weight of random appearances read again", 0.0
    )
    divergence_weight: float = setting(
        0.01, "weight of appearances far from a normal distribution", 0.0
    )
    norm_weight: float = setting(0.01, "weight of large structures", 0.0)
    perceptual_weight: float = setting(
        _TRANSLATED_WEIGHT,
        "weight of VGG19 features of a translation and its input; 0 needs no"
        " VGG19 weights",
        0.0,
    )
    structure_steps: int = setting(
        3, "updates of the structure discriminator in a step", 1
    )
    structure_discriminator_learning_rate: float = setting(
        8e-5, "of the Adam of the structure discriminator", 0.0
    )


@dataclasses.dataclass(frozen=True)
class Pix2PixHdOptions(PerceptualOptions, ResnetOptions):
    """Of the ResNet against the discriminators of pix2pixHD."""

    matching_weight: float = setting(
        10.0, "weight of the discriminators' features", 0.0
    )


@dataclasses.dataclass(frozen=True)
class UnetRegressionOptions(Options):
    """Of the U-Net regression."""

    regression_loss: str = setting(
        "l1", "norm of the difference", choices=("l1", "l2")
    )


def term_weights(options: Options) -> dict[str, float]:
    """Return the weight of every loss term that a method has, by its name.

    Args:
        options: of the method.
    """
    return {
        field.name.removesuffix("_weight"): getattr(options, field.name)
        for field in dataclasses.fields(options)
        if field.name.endswith("_weight")
    }


@dataclasses.dataclass(frozen=True)
class Method:
    """A system that can be trained.

    Attributes:
        builder: "module:name" in this package, a `System` or a function that
            makes one, of the options; imported when it is called.
        options: dataclass of the method's options.
        paired: whether the photographs and the FFA images of a batch belong
            together.
    """

    builder: str
    options: type[Options]
    paired: bool = True

    def build(self, options: Options) -> Any:
        """Build the system, with its networks and without optimizers.

        Args:
            options: of the class `options`.

        Returns:
            A `ffa_keras.methods.system.System`.

        Raises:
            InputError: patches are too small for a network, or weights of
                VGG19 cannot be had.
        """
        return pkgutil.resolve_name(f"ffa_keras.methods.{self.builder}")(
            options
        )


# In the order of the paper's tables, then the regressions.
METHODS = {
    "proposed": Method("conditional_gan:proposed", ProposedOptions),
    "no_saliency": Method("conditional_gan:no_saliency", NoSaliencyOptions),
    "no_patchgan": Method("conditional_gan:no_patchgan", ProposedOptions),
    "pix2pix": Method("conditional_gan:pix2pix", Pix2PixOptions),
    "pix2pixhd": Method("pix2pixhd:Pix2PixHd", Pix2PixHdOptions),
    "cyclegan": Method("cycle_gan:CycleGan", CycleGanOptions, paired=False),
    "disentangled": Method(
        "disentangled:Disentangled", DisentangledOptions, paired=False
    ),
    "unet_regression": Method(
        "regression:unet_regression", UnetRegressionOptions
    ),
    "resnet_regression": Method("regression:resnet_regression", ResnetOptions),
}
