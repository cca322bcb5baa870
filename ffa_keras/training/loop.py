"""The training loop: one way to train, on one device, many, or many machines.

Keras' `fit` does not work under `MultiWorkerMirroredStrategy`.
"""

import math
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ffa_keras.errors import InputError, Interrupted
from ffa_keras.methods.system import System
from ffa_keras.records.pipeline import TrainingPatches, share_of_worker
from ffa_keras.records.unpaired import UnpairedPatches
from ffa_keras.settings import learning
from ffa_keras.training import runs
from ffa_keras.training.checkpoints import Checkpoints, untracked_variables
from ffa_keras.training.cluster import WORKER_LOST, cause_of_loss
from ffa_keras.training.config import TrainConfig
from ffa_keras.training.logs import CsvLog, Progress, TensorBoardLog
from ffa_keras.training.steps import (
    replicated_test_step,
    replicated_train_step,
    with_predictions,
)
from ffa_keras.training.strategy import is_chief


class Loop:
    """The state of a run and the steps that advance it.

    Args:
        config: the settings.
        strategy: the devices.
        method: the compiled system, made in the strategy's scope.
        patches: the training data.
        validation: pairs as `validation_pairs` gives them; `None` if nothing
            is measured, and the last generator is kept.

    Raises:
        InputError: every checkpoint of the run is damaged, or made by other
            code.
    """

    def __init__(
        self,
        config: TrainConfig,
        strategy: tf.distribute.Strategy,
        method: System,
        patches: TrainingPatches | UnpairedPatches,
        validation: tf.data.Dataset | None,
    ):
        self.config = config
        self.strategy = strategy
        self.method = method
        self.patches = patches
        self.validation = validation
        self.chief = is_chief(strategy)
        self.replicas = strategy.num_replicas_in_sync
        self.steps_per_epoch = patches.steps(config.batch_size * self.replicas)
        self.step = tf.Variable(0, dtype=tf.int64)
        self.validated = tf.Variable(0, dtype=tf.int64)
        self.best = tf.Variable(float("nan"))
        run_dir = Path(config.run_dir)
        self.checkpoints = Checkpoints(
            run_dir / runs.CHECKPOINTS_NAME,
            config.keep_checkpoints,
            self.chief,
            method=method,
            untracked=untracked_variables(method),
            step=self.step,
            validated=self.validated,
            best=self.best,
        )
        warnings = self.checkpoints.restore()
        done = int(self.step)
        self.progress = Progress(
            config.epochs * self.steps_per_epoch, self.steps_per_epoch, done
        )
        if not math.isnan(self.best) and not runs.has_generator(run_dir):
            warnings.append(
                f"{run_dir / runs.GENERATOR_NAME}: gone; the best from here on"
                " is kept"
            )
            self.best.assign(float("nan"))
        if self.chief:
            counts = {"train": done, "validation": int(self.validated)}
            self.board = TensorBoardLog(run_dir, counts)
            self.tables = CsvLog(run_dir, counts)
            if not done:
                self.board.settings(learning(config))
            for line in warnings:
                self.progress.note(f"warning: {line}")
        self.train_step = replicated_train_step(
            strategy, method, config.jit_compile
        )
        self.test_step = replicated_test_step(strategy, method)

    def run(self, stop_asked: Callable[[], bool]) -> None:
        """Train until the last epoch is done.

        Args:
            stop_asked: asked after every step; where any worker answers true,
                all save a checkpoint and stop.

        Raises:
            Interrupted: a stop was asked for, or another worker went away.
            InputError: a loss is not finite, or a checkpoint cannot be written.
        """
        try:
            self._run(stop_asked)
        except WORKER_LOST as error:
            if self.strategy.extended._in_multi_worker_mode():
                raise Interrupted(
                    f"another worker went away ({cause_of_loss(error)}); start"
                    " all of them again with --resume"
                ) from error
            raise

    def _run(self, stop_asked: Callable[[], bool]) -> None:
        done = int(self.step)
        if done and self.chief:
            self.progress.note(f"resuming after step {done}")
        if self._validation_is_due():
            self._validate()
        for epoch in range(done // self.steps_per_epoch, self.config.epochs):
            self._train_epoch(epoch, stop_asked)
            # First: a validation that dies, of memory say, loses no epoch.
            self.checkpoints.save()
            if self._validation_is_due():
                self._validate()

    def _train_epoch(self, epoch: int, stop_asked: Callable[[], bool]) -> None:
        skip = int(self.step) % self.steps_per_epoch
        since = time.monotonic(), int(self.step)
        for batch in self._distributed_epoch(epoch, skip):
            health = self.train_step(batch, tf.constant(stop_asked())).numpy()
            if health[1:].any():
                self._refuse(batch, health[1:])
            step = int(self.step.assign_add(1))
            ended = step % self.steps_per_epoch == 0
            if step % self.config.log_every == 0 or ended:
                since = self._log(step, since)
            if health[0]:
                self.checkpoints.save()
                raise Interrupted(
                    f"saved after step {step}; go on with --resume"
                )
            if step % self.config.checkpoint_every == 0 and not ended:
                self.checkpoints.save()

    def _distributed_epoch(self, epoch: int, skip: int) -> Iterable[Any]:
        steps = self.steps_per_epoch - skip

        def share(context: tf.distribute.InputContext) -> tf.data.Dataset:
            batches = self.patches.epoch(
                epoch, self.config.batch_size, skip * self.replicas
            ).take(steps * self.replicas)
            return share_of_worker(batches, context)

        return self.strategy.distribute_datasets_from_function(share)

    def _refuse(self, batch: dict[str, Any], bad: np.ndarray) -> None:
        terms = [
            name
            for name, replicas in zip(self.method.train_means, bad, strict=True)
            if replicas
        ]
        local = self.strategy.experimental_local_results(batch["pair"])
        pairs = {
            self.patches.pair_ids[index]
            for share in local
            for index in share.numpy()
        }
        raise InputError(
            f"step {int(self.step) + 1}: not finite: {', '.join(terms)}; pairs"
            f" of the batch: {', '.join(sorted(pairs))}. The checkpoints before"
            " are kept. Look at these pairs, or try a lower --learning_rate or"
            " --precision=float32, in another --run_dir"
        )

    def _log(self, step: int, since: tuple[float, int]) -> tuple[float, int]:
        means = take_means(self.method.train_means)
        seconds = time.monotonic() - since[0]
        images = (step - since[1]) * self.config.batch_size * self.replicas
        for name, optimizer in self.method.optimizers.items():
            means[f"learning_rate/{name}"] = float(optimizer.learning_rate)
        means["images_per_second"] = images / seconds
        if self.chief:
            self._write("train", means, step)
            self.progress.show(
                step, {k: v for k, v in means.items() if k.startswith("loss/")}
            )
        return time.monotonic(), step

    def _write(self, part: str, values: dict[str, float], step: int) -> None:
        self.board.scalars(part, values, step)
        self.tables.scalars(part, values, step)

    def _validation_is_due(self) -> bool:
        epochs, rest = divmod(int(self.step), self.steps_per_epoch)
        if rest or int(self.validated) == int(self.step):
            return False
        last = epochs == self.config.epochs
        return last or epochs % self.config.validate_every == 0

    def _validate(self) -> None:
        step = int(self.step)
        if self.validation is None:
            self.validated.assign(step)
            if self.chief:
                runs.save_generator(self.method.generator, self.config.run_dir)
            return
        validation = self.validation
        pairs = self.strategy.distribute_datasets_from_function(
            lambda context: share_of_worker(validation, context)
        )
        for batch in pairs:
            self.test_step(
                with_predictions(self.strategy, self.method.generator, batch)
            )
        figures = take_means(self.method.validation_means)
        self.validated.assign(step)
        best = self._is_best(figures)
        if not self.chief:
            return
        self._write("validation", figures, step)
        self.board.pictures(
            self.method.generator,
            validation.take(self.config.num_pictures),
            step,
        )
        self.progress.note(
            f"validation after step {step}: PSNR {figures['psnr']:.2f} dB,"
            f" {figures['psnr_fitted']:.2f} dB with the exposure fitted, SSIM"
            f" {figures['ssim']:.4f}"
        )
        if best:
            runs.save_generator(self.method.generator, self.config.run_dir)

    def _is_best(self, figures: dict[str, float]) -> bool:
        if self.config.select_by == "last":
            return True
        figure, best = figures[self.config.select_by], float(self.best)
        # Any number beats none; while there is none, a model is kept still.
        if not (figure > best or math.isnan(best)):
            return False
        self.best.assign(figure)
        return True


def take_means(means: dict[str, keras.metrics.Mean]) -> dict[str, float]:
    """Return running means by name, and begin them anew.

    Args:
        means: of all batches since they were last taken.
    """
    values = {name: float(mean.result()) for name, mean in means.items()}
    for mean in means.values():
        mean.reset_state()
    return values
