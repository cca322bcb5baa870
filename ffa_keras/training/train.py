"""The training loop: one way to train, on one device or many."""

import time
from collections.abc import Callable
from pathlib import Path

import keras
import tensorflow as tf

from ffa_keras.data.patches import PatchSampling
from ffa_keras.data.pipeline import TrainingPatches, validation_pairs
from ffa_keras.errors import InputError
from ffa_keras.methods import METHODS
from ffa_keras.training import runs
from ffa_keras.training.config import TrainConfig
from ffa_keras.training.logs import Progress, TensorBoardLog
from ffa_keras.training.schedule import ConstantThenLinear
from ffa_keras.training.strategy import make_strategy


def train(config: TrainConfig, resume: bool = False) -> None:
    """Train a system as configured and leave the results in the run folder.

    Args:
        config: the settings.
        resume: whether to go on from the latest checkpoint in the run folder;
            a folder without one starts from the beginning.

    Raises:
        InputError: the dataset cannot be used, VGG19 weights cannot be had,
            the run folder is taken, or the settings changed since it began.
    """
    if not config.run_dir:
        raise InputError("--run_dir: missing; name a folder for this run")
    patches = TrainingPatches(
        config.dataset_dir, _sampling(config), config.seed
    )
    steps_per_epoch = patches.steps(config.batch_size)
    if not steps_per_epoch:
        raise InputError(
            f"--batch_size={config.batch_size}: only {patches.num_patches}"
            " patches in an epoch"
        )
    strategy = make_strategy(config.replicas)
    validation = validation_pairs(
        config.dataset_dir, strategy.num_replicas_in_sync
    )
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
    runs.claim(config)
    loop = _Loop(config, strategy, method, patches, validation)
    loop.run()


def build_method(config: TrainConfig, steps_per_epoch: int) -> keras.Model:
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

    method.compile(optimizer(), optimizer())
    return method


class _Loop:
    """The state of a run and the steps that advance it."""

    def __init__(
        self,
        config: TrainConfig,
        strategy: tf.distribute.Strategy,
        method: keras.Model,
        patches: TrainingPatches,
        validation: tf.data.Dataset,
    ):
        self.config = config
        self.strategy = strategy
        self.method = method
        self.patches = patches
        self.validation = validation
        self.steps_per_epoch = patches.steps(config.batch_size)
        self.step = tf.Variable(0, dtype=tf.int64)
        self.best = tf.Variable(float("nan"))
        run_dir = Path(config.run_dir)
        self.checkpoints = tf.train.CheckpointManager(
            tf.train.Checkpoint(method=method, step=self.step, best=self.best),
            str(run_dir / runs.CHECKPOINTS_NAME),
            max_to_keep=config.keep_checkpoints,
        )
        self.checkpoints.restore_or_initialize()
        self.board = TensorBoardLog(run_dir)
        self.progress = Progress(
            config.epochs * self.steps_per_epoch,
            self.steps_per_epoch,
            int(self.step),
        )
        self.train_step = self._replicated(method.train_step)
        self.test_step = self._replicated(method.test_step)

    def run(self) -> None:
        done = int(self.step)
        if done:
            self.progress.note(f"resuming after step {done}")
        first = done // self.steps_per_epoch
        for epoch in range(first, self.config.epochs):
            self._train_epoch(epoch)
            last = epoch + 1 == self.config.epochs
            if last or (epoch + 1) % self.config.validate_every == 0:
                self._validate()
            self.checkpoints.save()

    def _train_epoch(self, epoch: int) -> None:
        skip = int(self.step) % self.steps_per_epoch
        since = time.monotonic(), int(self.step)
        for batch in self._distributed_epoch(epoch, skip):
            self.train_step(batch)
            step = int(self.step.assign_add(1))
            if step % self.config.log_every == 0:
                since = self._log(step, since)
        if int(self.step) > since[1]:
            self._log(int(self.step), since)

    def _distributed_epoch(self, epoch: int, skip: int):
        replicas = self.strategy.num_replicas_in_sync
        steps = self.steps_per_epoch - skip

        def share(context: tf.distribute.InputContext) -> tf.data.Dataset:
            batches = self.patches.epoch(
                epoch, self.config.batch_size // replicas, skip * replicas
            )
            return batches.take(steps * replicas)

        return self.strategy.distribute_datasets_from_function(share)

    def _log(self, step: int, since: tuple[float, int]) -> tuple[float, int]:
        means = _take(self.method.train_means)
        seconds = time.monotonic() - since[0]
        images = (step - since[1]) * self.config.batch_size
        for name in ("generator", "discriminator"):
            optimizer = getattr(self.method, f"{name}_optimizer")
            means[f"learning_rate/{name}"] = float(optimizer.learning_rate)
        means["images_per_second"] = images / seconds
        self.board.scalars("train", means, step)
        self.progress.show(
            step, {k: v for k, v in means.items() if k.startswith("loss/")}
        )
        return time.monotonic(), step

    def _validate(self) -> None:
        step = int(self.step)
        pairs = self.strategy.distribute_datasets_from_function(
            lambda _: self.validation
        )
        for batch in pairs:
            self.test_step(batch)
        figures = _take(self.method.validation_means)
        self.board.scalars("validation", figures, step)
        self.board.pictures(
            self.method.generator,
            self.validation.take(self.config.num_pictures),
            step,
        )
        self.progress.note(
            f"validation after step {step}: PSNR {figures['psnr']:.2f} dB,"
            f" SSIM {figures['ssim']:.4f}"
        )
        select_by = self.config.select_by
        # Written so that a score that is never a number still leaves a model.
        if select_by == "last" or not figures[select_by] <= float(self.best):
            runs.save_generator(self.method.generator, self.config.run_dir)
            self.best.assign(figures.get(select_by, 0.0))

    def _replicated(self, step: Callable) -> Callable:
        @tf.function(reduce_retracing=True, jit_compile=self.config.jit_compile)
        def run(batch):
            self.strategy.run(step, args=(batch,))

        return run


def _take(means: dict[str, keras.metrics.Mean]) -> dict[str, float]:
    values = {name: float(mean.result()) for name, mean in means.items()}
    for mean in means.values():
        mean.reset_state()
    return values


def _sampling(config: TrainConfig) -> PatchSampling:
    grid = config.patch_sampling == "grid"
    return PatchSampling(
        height=config.patch_height,
        width=config.patch_width,
        stride=config.patch_stride if grid else None,
        crops_per_pair=config.patches_per_pair,
        min_valid=config.min_valid,
        flip=config.flip,
    )
