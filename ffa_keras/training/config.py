"""Every setting of a training run, in one place.

A run's settings are those that all methods share and the method's own
options. They are the flags of `train_main.py`, and the lines of the
`flags.cfg` that each run folder keeps. No TensorFlow: flags cost nothing.
"""

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ffa_keras.errors import InputError
from ffa_keras.methods.options import METHODS, Options
from ffa_keras.settings import read_flagfile, setting

# Seconds that the workers of a cluster wait for each other.
PATIENCE = 300.0


@dataclasses.dataclass(frozen=True)
class TrainConfig(Options):
    """Settings that all methods share; the defaults are the paper's.

    `make_config` makes them, together with the options of the method.

    Raises:
        InputError: a value is out of range, or two settings contradict each
            other; the message names the flags.
    """

    dataset_dir: str = setting(
        "", "folder of the prepared dataset, or one above", kind="place"
    )
    run_dir: str = setting("", "of this run, made if absent", kind="place")
    method: str = setting("proposed", "system to train")
    init_from: str = setting(
        "",
        "begin with trained networks: 'pretrained', a run folder or a .keras"
        " file",
    )

    patch_sampling: str = setting(
        "grid",
        "where patches lie: an overlapping grid, or random crops",
        choices=("grid", "random"),
    )
    patch_stride: int = setting(128, "grid: its step, pixels", 1)
    patches_per_pair: int = setting(8, "random: crops of a pair an epoch", 1)
    min_valid: float = setting(
        0.75, "least share of a patch inside the valid mask", 0.0, 1.0
    )
    flip: bool = setting(True, "flip patches at random, both ways")
    circular_mask: str = setting(
        "auto",
        "blacken patches outside the circle as wide as they are: where the"
        " photograph is a disc, always, or never",
        choices=("auto", "always", "never"),
    )
    rotation: float = setting(0.0, "greatest random turn, degrees", 0.0)
    photometric: float = setting(
        0.0,
        "greatest relative change of the photograph's light and colour",
        0.0,
        0.5,
    )

    batch_size: int = setting(1, "patches a step on each device", 1)
    constant_epochs: int = setting(100, "epochs at the full learning rate", 0)
    decay_epochs: int = setting(100, "epochs of decay to 0 that follow", 0)
    learning_rate: float = setting(2e-4, "of Adam", 0.0)
    beta_1: float = setting(0.5, "Adam's first decay", 0.0, 0.999)
    beta_2: float = setting(0.999, "Adam's second decay", 0.0, 0.9999)

    replicas: int = setting(
        0, "logical CPU replicas; 0 uses all GPUs, or one CPU", 0
    )
    precision: str = setting(
        "float32",
        "compute precision of the networks",
        choices=("float32", "mixed_float16", "mixed_bfloat16"),
    )
    jit_compile: bool = setting(False, "compile the training step with XLA")
    deterministic: bool = setting(
        False, "same seed, same weights to the last bit; slower on GPUs"
    )
    select_by: str = setting(
        "psnr_fitted",
        "which generator is kept: the best in validation by this, or the last;"
        " psnr measures brightness first of all, psnr_fitted what is left once"
        " the exposure is fitted",
        choices=("psnr_fitted", "ssim", "psnr", "last"),
    )

    log_every: int = setting(
        100, "steps between TensorBoard scalars", 1, kind="report"
    )
    validate_every: int = setting(
        1, "epochs between validations and picture grids", 1, kind="report"
    )
    num_pictures: int = setting(
        4, "validation pairs shown in TensorBoard", 0, kind="report"
    )
    checkpoint_every: int = setting(
        1000,
        "steps between checkpoints, beside those at the ends of epochs",
        1,
        kind="report",
    )
    keep_checkpoints: int = setting(3, "latest checkpoints", 1, kind="report")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.epochs == 0:
            raise InputError(
                "--constant_epochs and --decay_epochs are both 0: nothing to"
                " train"
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


def config_class(name: str) -> type[TrainConfig]:
    """Return the class of the shared settings and the options of a method.

    Args:
        name: of the method. A setting that both declare is the method's.
    """
    own = ("method", str, setting(name, "system to train", choices=(name,)))
    return dataclasses.make_dataclass(
        "TrainConfig",
        [own],
        bases=(METHODS[name].options, TrainConfig),
        frozen=True,
    )


# What a run of each method can be told.
CONFIGS = {name: config_class(name) for name in METHODS}


def make_config(method: str = "proposed", **given: Any) -> TrainConfig:
    """Return the settings of a run of a method.

    Args:
        method: name of the method.
        **given: settings by name; the others have their defaults. An option
            that only other methods have may be given with its default, as
            the run folders of earlier versions do.

    Returns:
        The shared settings, and the options of the method as fields too.

    Raises:
        InputError: there is no such method, it has no such option, or as
            `TrainConfig`.
    """
    if method not in METHODS:
        raise InputError(
            f"--method={method}: expected one of {', '.join(METHODS)}"
        )
    own = _defaults(method)
    for name, value in given.items():
        owners = {m: d[name] for m in METHODS if name in (d := _defaults(m))}
        if name not in own and value not in owners.values():
            raise InputError(
                f"--{name}={value}: not a setting of --method={method}, but of"
                f" {', '.join(owners) or 'none'}; leave it out"
            )
    return CONFIGS[method](
        method=method, **{k: v for k, v in given.items() if k in own}
    )


def make_configs(
    methods: Iterable[str], **given: Any
) -> dict[str, TrainConfig]:
    """Return the settings of runs alike of several methods, by the method.

    Args:
        methods: names of methods.
        **given: settings by name; each method takes those that it has, and
            those of methods that are not among them are left out.

    Raises:
        InputError: as `make_config`; of settings that no method has, too.
    """
    for name in given.keys() - set().union(*map(_defaults, METHODS)):
        raise InputError(f"--{name}={given[name]}: not a setting of any method")
    own = {m: given.keys() & _defaults(m) for m in methods}
    return {m: make_config(m, **{k: given[k] for k in own[m]}) for m in own}


def read_config(path: str | Path) -> TrainConfig:
    """Return the settings that a flagfile gives, such as a run's `flags.cfg`.

    Args:
        path: the file.

    Raises:
        InputError: the file is absent or holds something else, or as
            `make_config`.
    """
    given = read_flagfile(path, *CONFIGS.values())
    try:
        return make_config(**given)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _defaults(method: str) -> dict[str, Any]:
    return {f.name: f.default for f in dataclasses.fields(CONFIGS[method])}
