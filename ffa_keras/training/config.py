"""Every setting of a training run, in one place.

The fields of `TrainConfig` are the flags of `train_main.py`, and the lines of
the `flags.cfg` that each run folder keeps.
"""

import dataclasses
from pathlib import Path
from typing import Any

from ffa_keras.data.patches import CIRCULAR_MASKS
from ffa_keras.errors import InputError
from ffa_keras.files import write_text
from ffa_keras.methods import METHODS

PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")
SAMPLINGS = ("grid", "random")
SELECTIONS = ("psnr", "ssim", "last")


def _setting(default: Any, help_text: str, **limits: Any) -> Any:
    return dataclasses.field(
        default=default, metadata={"help": help_text, **limits}
    )


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """Settings of a training run; the defaults are the paper's.

    Raises:
        InputError: a value is out of range, or two settings contradict each
            other; the message names the flags.
    """

    dataset_dir: str = _setting(
        "", "prepared dataset: the folder with dataset_info.json or one above"
    )
    run_dir: str = _setting("", "folder of this run, made if absent")
    method: str = _setting(
        "proposed", "system to train", choices=tuple(METHODS)
    )

    num_filters: int = _setting(64, "width of the generator", minimum=1)
    num_blocks: int = _setting(9, "residual blocks", minimum=0)
    dropout: float = _setting(
        0.0, "dropout inside the residual blocks", minimum=0.0, maximum=0.9
    )
    discriminator_filters: int = _setting(
        64, "width of the discriminator", minimum=1
    )

    adversarial_weight: float = _setting(1.0, "weight of Eq. 4", minimum=0.0)
    pixel_weight: float = _setting(100.0, "alpha, weight of Eq. 5", minimum=0.0)
    perceptual_weight: float = _setting(
        0.001, "beta, weight of Eq. 6; 0 needs no VGG19 weights", minimum=0.0
    )
    saliency_weight: float = _setting(
        1.0, "gamma, weight of Eq. 7", minimum=0.0
    )
    cycle_weight: float = _setting(
        10.0, "cyclegan: weight of the cycle consistency", minimum=0.0
    )
    identity_weight: float = _setting(
        5.0, "cyclegan: weight of the identity terms", minimum=0.0
    )
    pool_size: int = _setting(
        50, "cyclegan: generated images shown again", minimum=1
    )
    regression_loss: str = _setting(
        "l1", "unet_regression: norm of the difference", choices=("l1", "l2")
    )
    vgg_weights: str = _setting(
        "imagenet", "VGG19 weights: 'imagenet' to download, or a .h5/.npz file"
    )

    patch_height: int = _setting(512, "height of a patch, pixels", minimum=24)
    patch_width: int = _setting(512, "width of a patch, pixels", minimum=24)
    patch_sampling: str = _setting(
        "grid",
        "where patches lie: an overlapping grid, or random crops",
        choices=SAMPLINGS,
    )
    patch_stride: int = _setting(
        128, "step of the grid, pixels; unused by random crops", minimum=1
    )
    patches_per_pair: int = _setting(
        8, "random crops of a pair in an epoch; unused by the grid", minimum=1
    )
    min_valid: float = _setting(
        0.75,
        "least share of a patch inside the valid mask",
        minimum=0.0,
        maximum=1.0,
    )
    flip: bool = _setting(True, "flip patches at random, both ways")
    circular_mask: str = _setting(
        "auto",
        "blacken patches outside the circle as wide as they are: where the"
        " photograph is a disc, always, or never",
        choices=CIRCULAR_MASKS,
    )
    rotation: float = _setting(
        0.0, "greatest random turn of a patch, degrees", minimum=0.0
    )
    photometric: float = _setting(
        0.0,
        "greatest relative change of the photograph's light and colour",
        minimum=0.0,
        maximum=0.5,
    )

    batch_size: int = _setting(1, "patches a step on each device", minimum=1)
    constant_epochs: int = _setting(
        100, "epochs at the full learning rate", minimum=0
    )
    decay_epochs: int = _setting(
        100, "epochs of linear decay to zero that follow", minimum=0
    )
    learning_rate: float = _setting(
        2e-4, "of both Adam optimizers", minimum=0.0
    )
    beta_1: float = _setting(
        0.5, "Adam's first decay", minimum=0.0, maximum=0.999
    )
    beta_2: float = _setting(
        0.999, "Adam's second decay", minimum=0.0, maximum=0.9999
    )

    replicas: int = _setting(
        0, "logical CPU replicas; 0 uses all GPUs, or one CPU", minimum=0
    )
    precision: str = _setting(
        "float32", "compute precision of the networks", choices=PRECISIONS
    )
    jit_compile: bool = _setting(False, "compile the training step with XLA")
    seed: int = _setting(0, "of weights, patches and their order", minimum=0)
    log_every: int = _setting(
        100, "steps between TensorBoard scalars", minimum=1
    )
    deterministic: bool = _setting(
        False, "same seed, same weights to the last bit; slower on GPUs"
    )
    validate_every: int = _setting(
        1, "epochs between validations and picture grids", minimum=1
    )
    select_by: str = _setting(
        "psnr",
        "which generator is kept: the best in validation by this, or the last",
        choices=SELECTIONS,
    )
    num_pictures: int = _setting(
        4, "validation pairs shown in TensorBoard", minimum=0
    )
    checkpoint_every: int = _setting(
        1000,
        "steps between checkpoints, beside those at the ends of epochs",
        minimum=1,
    )
    keep_checkpoints: int = _setting(3, "latest checkpoints kept", minimum=1)

    def __post_init__(self):
        for field in dataclasses.fields(self):
            _check(field, getattr(self, field.name))
        if self.constant_epochs + self.decay_epochs == 0:
            raise InputError(
                "--constant_epochs and --decay_epochs are both 0: nothing to"
                " train"
            )
        weights = [
            getattr(self, f"{term}_weight")
            for term in ("adversarial", "pixel", "perceptual", "saliency")
        ]
        if not any(weights):
            raise InputError(
                "--pixel_weight, --saliency_weight and so on: every loss"
                " weight is 0"
            )
        if self.patch_sampling == "grid" and self.patch_stride > min(
            self.patch_height, self.patch_width
        ):
            raise InputError(
                f"--patch_stride={self.patch_stride} skips pixels between"
                " patches: give at most the patch's shorter side"
            )

    @property
    def epochs(self) -> int:
        """Number of epochs, constant and decaying."""
        return self.constant_epochs + self.decay_epochs

    def save(self, path: Path) -> None:
        """Write the settings as a flagfile, one `--name=value` a line.

        Args:
            path: file to write, replaced whole.
        """
        lines = [
            f"--{field.name}={_to_text(getattr(self, field.name))}\n"
            for field in dataclasses.fields(self)
        ]
        write_text(path, "".join(lines))

    @classmethod
    def load(cls, path: Path) -> "TrainConfig":
        """Read the settings that `save` wrote.

        Args:
            path: a `flags.cfg`.

        Raises:
            InputError: the file is absent or holds something else.
        """
        try:
            lines = Path(path).read_text().splitlines()
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error})") from error
        fields = {field.name: field for field in dataclasses.fields(cls)}
        values = {}
        for line in filter(None, map(str.strip, lines)):
            name, equals, text = line.removeprefix("--").partition("=")
            if not equals or name not in fields:
                raise InputError(f"{path}: unknown setting {line!r}")
            values[name] = _from_text(path, fields[name], text)
        return cls(**values)


def _check(field: dataclasses.Field, value: Any) -> None:
    limits = field.metadata
    if "choices" in limits and value not in limits["choices"]:
        raise InputError(
            f"--{field.name}={value}: expected one of"
            f" {', '.join(limits['choices'])}"
        )
    low, high = limits.get("minimum"), limits.get("maximum")
    if low is not None and not value >= low:
        raise InputError(f"--{field.name}={value}: must be at least {low}")
    if high is not None and not value <= high:
        raise InputError(f"--{field.name}={value}: must be at most {high}")


def _to_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _from_text(path: Path, field: dataclasses.Field, text: str) -> Any:
    kind: Any = field.type
    if kind is bool:
        if text not in ("true", "false"):
            raise InputError(
                f"{path}: --{field.name}={text}: expected true or false"
            )
        return text == "true"
    try:
        return kind(text)
    except ValueError as error:
        raise InputError(f"{path}: --{field.name}={text}: {error}") from error
