"""Set a run up and train it to its end."""

import contextlib
import itertools
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from ffa_keras.errors import InputError, Interrupted
from ffa_keras.methods import METHODS
from ffa_keras.methods.system import System
from ffa_keras.records.dataset import PreparedDataset
from ffa_keras.records.patches import PatchSampling
from ffa_keras.records.pipeline import TrainingPatches, validation_pairs
from ffa_keras.records.unpaired import UnpairedPatches
from ffa_keras.training import devices, runs
from ffa_keras.training.config import PATIENCE, TrainConfig
from ffa_keras.training.initial import initialise
from ffa_keras.training.interrupt import stop_requests
from ffa_keras.training.loop import Loop
from ffa_keras.training.provenance import Record
from ffa_keras.training.schedule import ConstantThenLinear
from ffa_keras.training.strategy import is_chief, make_strategy
from ffa_keras.translation.scale import field_diameter

# How far the scale of training may be from that of translation.
_SCALES = 1.5


def train(
    config: TrainConfig, resume: bool = False, patience: float = PATIENCE
) -> None:
    """Train a system as configured and leave the results in the run folder.

    Args:
        config: the settings.
        resume: whether to go on from the latest checkpoint in the run folder;
            a folder without one starts from the beginning, and a run that has
            ended is left as it is.
        patience: seconds to wait for the other workers, where there are some.

    Raises:
        InputError: the dataset cannot be used, VGG19 weights cannot be had,
            the run folder is taken, or settings, data or the number of devices
            changed since it began; or a loss is not finite, or a checkpoint
            cannot be written.
        Interrupted: SIGTERM or SIGINT came, or another worker did not come or
            went away; the run can be resumed.
    """
    if not config.run_dir:
        raise InputError("--run_dir: missing; name a folder for this run")
    with stop_requests() as stop_asked:
        strategy = make_strategy(config.replicas, patience, stop_asked)
    # Again: TensorFlow takes SIGTERM for itself as it joins other machines.
    with stop_requests() as stop_asked, contextlib.ExitStack() as held:
        if is_chief(strategy):
            held.enter_context(runs.hold(config.run_dir))
            _tell_devices(strategy, config.batch_size)
        _train(config, resume, strategy, stop_asked)


def _train(
    config: TrainConfig,
    resume: bool,
    strategy: tf.distribute.Strategy,
    stop_asked: Callable[[], bool],
) -> None:
    chief, replicas = is_chief(strategy), strategy.num_replicas_in_sync
    dataset = PreparedDataset.find(config.dataset_dir)
    patches = _patches(config, dataset)
    steps_per_epoch = patches.steps(config.batch_size * replicas)
    if not steps_per_epoch:
        raise InputError(
            f"--batch_size={config.batch_size}: only {patches.num_patches}"
            f" patches in an epoch, for {replicas} device(s)"
        )
    if resume:
        config = runs.as_begun(config)
    validation = _validation(config, dataset, replicas, chief)
    if chief:
        runs.check_vacant(config, resume)
        tell_scale(config, dataset)
    record = Record(config.run_dir, dataset.fingerprint(), replicas)
    if record.ended and runs.has_generator(config.run_dir):
        return
    record.check_devices()
    prepare_keras(config)
    with strategy.scope():
        method = build_method(config, steps_per_epoch)
        if config.init_from:
            initialise(method, config.init_from)
    if chief:
        record.add_start(config.init_from)
        runs.claim(config)
    loop = Loop(config, strategy, method, patches, validation)
    if stop_asked():
        raise Interrupted("before the first step; go on with --resume")
    loop.run(stop_asked)
    if chief:
        record.add_end()


def _tell_devices(strategy: tf.distribute.Strategy, batch_size: int) -> None:
    print(devices.describe(strategy, batch_size), flush=True)
    missed = devices.gpus_missed()
    if missed:
        print(f"warning: {missed}", flush=True)


def tell_scale(config: TrainConfig, dataset: PreparedDataset) -> None:
    """Warn where training sees another scale than translation will.

    Args:
        config: of the run.
        dataset: whose first photographs are looked at.
    """
    diameter = getattr(config, "field_diameter", 0)
    if not diameter:
        return
    records = dataset.records("train", ["fundus"], lone="fundus")
    found = [field_diameter(r["fundus"]) for r in itertools.islice(records, 8)]
    usual = float(np.median(found))
    if usual and not 1 / _SCALES < usual / diameter < _SCALES:
        print(
            f"warning: the field of view of these photographs is {usual:.0f}"
            f" pixels wide, and the generator will see photographs at"
            f" {diameter} (--field_diameter): prepare the pairs with"
            f" --field_diameter={diameter}, or train with"
            f" --field_diameter={usual:.0f}",
            flush=True,
        )


def prepare_keras(config: TrainConfig) -> None:
    """Set what Keras and TensorFlow hold for the whole process.

    Args:
        config: the settings; seed, precision and determinism are used.
    """
    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    keras.config.set_dtype_policy(config.precision)
    # The graph optimizer's remapper cannot fuse a biased convolution with the
    # LeakyReLU after it while training, and says so as an error.
    tf.config.optimizer.set_experimental_options({"remapping": False})


def build_method(config: TrainConfig, steps_per_epoch: int) -> System:
    """Build and compile the configured system; call it in the scope.

    Args:
        config: the settings.
        steps_per_epoch: for the learning-rate schedule.

    Returns:
        The compiled system.
    """
    method: System = METHODS[config.method].build(config)

    def optimizer(name: str) -> keras.optimizers.Optimizer:
        # A method's options may hold a rate for one of its optimizers.
        own = f"{name}_learning_rate"
        adam = keras.optimizers.Adam(
            ConstantThenLinear(
                getattr(config, own, config.learning_rate),
                config.constant_epochs * steps_per_epoch,
                config.decay_epochs * steps_per_epoch,
            ),
            beta_1=config.beta_1,
            beta_2=config.beta_2,
        )
        if config.precision == "mixed_float16":
            return keras.optimizers.LossScaleOptimizer(adam)
        return adam

    method.compile(optimizer)
    return method


def _patches(
    config: TrainConfig, dataset: PreparedDataset
) -> TrainingPatches | UnpairedPatches:
    """Return the training patches, of pairs where the method needs them."""
    if not METHODS[config.method].paired:
        return UnpairedPatches(dataset, _sampling(config), config.seed)
    if not dataset.stores_of("train"):
        others = (name for name, m in METHODS.items() if not m.paired)
        raise InputError(
            f"--method={config.method}: learns from pairs, and in the train"
            f" split of {dataset.folder} photographs and FFA images stand"
            f" alone; train --method={' or --method='.join(others)}, or add"
            " pairs to the manifest"
        )
    return TrainingPatches(dataset, _sampling(config), config.seed)


def _validation(
    config: TrainConfig, dataset: PreparedDataset, replicas: int, tell: bool
) -> tf.data.Dataset | None:
    """Return the validation pairs; `None` if a method can do without."""
    if METHODS[config.method].paired or dataset.stores_of("validation"):
        return validation_pairs(dataset, replicas)
    if tell:
        print(
            "warning: no pair is in the validation split: PSNR and SSIM are"
            " not measured, no pictures are drawn, and the last generator is"
            f" kept, not the best by --select_by={config.select_by}",
            flush=True,
        )
    return None


def _sampling(config: TrainConfig) -> PatchSampling:
    grid = config.patch_sampling == "grid"
    return PatchSampling(
        height=config.patch_height,
        width=config.patch_width,
        stride=config.patch_stride if grid else None,
        crops_per_pair=config.patches_per_pair,
        min_valid=config.min_valid,
        flip=config.flip,
        circular_mask=config.circular_mask,
        rotation=config.rotation,
        photometric=config.photometric,
    )
