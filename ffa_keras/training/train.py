"""Set a run up and train it to its end."""

import keras
import tensorflow as tf

from ffa_keras.errors import InputError
from ffa_keras.methods import METHODS, UNPAIRED, System
from ffa_keras.records.dataset import PreparedDataset
from ffa_keras.records.patches import PatchSampling
from ffa_keras.records.pipeline import TrainingPatches, validation_pairs
from ffa_keras.records.unpaired import UnpairedPatches
from ffa_keras.training import provenance, runs
from ffa_keras.training.config import TrainConfig
from ffa_keras.training.interrupt import stop_requests
from ffa_keras.training.loop import Loop
from ffa_keras.training.schedule import ConstantThenLinear
from ffa_keras.training.strategy import is_chief, make_strategy


def train(config: TrainConfig, resume: bool = False) -> None:
    """Train a system as configured and leave the results in the run folder.

    Args:
        config: the settings.
        resume: whether to go on from the latest checkpoint in the run folder;
            a folder without one starts from the beginning.

    Raises:
        InputError: the dataset cannot be used, VGG19 weights cannot be had,
            the run folder is taken, or settings or data changed since it
            began; or a loss is not finite, or the disk is full.
        Interrupted: SIGTERM or SIGINT came, or another worker went away; the
            run can be resumed.
    """
    if not config.run_dir:
        raise InputError("--run_dir: missing; name a folder for this run")
    strategy = make_strategy(config.replicas)
    replicas = strategy.num_replicas_in_sync
    if config.batch_size % replicas:
        raise InputError(
            f"--batch_size={config.batch_size} does not divide among the"
            f" {replicas} replicas: give a multiple"
        )
    kind = UnpairedPatches if config.method in UNPAIRED else TrainingPatches
    dataset = PreparedDataset.find(config.dataset_dir)
    patches = kind(dataset, _sampling(config), config.seed)
    steps_per_epoch = patches.steps(config.batch_size)
    if not steps_per_epoch:
        raise InputError(
            f"--batch_size={config.batch_size}: only {patches.num_patches}"
            " patches in an epoch"
        )
    validation = validation_pairs(dataset, replicas)
    fingerprint = dataset.fingerprint()
    if is_chief(strategy):
        runs.check_vacant(config, resume)
    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    keras.config.set_dtype_policy(config.precision)
    # The graph optimizer's remapper cannot fuse a biased convolution with the
    # LeakyReLU after it while training, and says so as an error.
    tf.config.optimizer.set_experimental_options({"remapping": False})
    with strategy.scope():
        method = build_method(config, steps_per_epoch)
    if is_chief(strategy):
        provenance.record_start(config.run_dir, fingerprint, replicas)
        runs.claim(config)
    with stop_requests() as stop_asked:
        Loop(config, strategy, method, patches, validation).run(stop_asked)


def build_method(config: TrainConfig, steps_per_epoch: int) -> System:
    """Build and compile the configured system; call it in the scope.

    Args:
        config: the settings.
        steps_per_epoch: for the learning-rate schedule.

    Returns:
        The compiled system.
    """
    method = METHODS[config.method](config)

    def optimizer() -> keras.optimizers.Optimizer:
        adam = keras.optimizers.Adam(
            ConstantThenLinear(
                config.learning_rate,
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
