"""The judge of a prepared dataset: its eyes, the measures, the baselines."""

from collections.abc import Iterable, Mapping

from ffa_keras.evaluation.baselines import CONSTANT, MEAN, MeanTrainingFfa
from ffa_keras.evaluation.classical import CLASSICAL, ConstantFfa
from ffa_keras.evaluation.eyes import (
    HeldOut,
    eyes_of,
    patches_of,
    with_chance,
)
from ffa_keras.evaluation.inception import InceptionFeatures
from ffa_keras.evaluation.judging import Judge
from ffa_keras.evaluation.measures import MEASURES, Measure
from ffa_keras.evaluation.measures.copies import TrainingImages
from ffa_keras.evaluation.measures.exposure import EXPOSURE
from ffa_keras.evaluation.measures.lpips import Lpips
from ffa_keras.evaluation.measures.pixels import PIXELS
from ffa_keras.evaluation.protocol import Protocol
from ffa_keras.evaluation.second import others_in, with_second
from ffa_keras.evaluation.subgroups import groups_of_dataset
from ffa_keras.records.dataset import PreparedDataset
from ffa_keras.records.patches import PatchSampling
from ffa_keras.training.config import TrainConfig
from ffa_keras.translation.answers import Translator


def measures_of(how: Protocol) -> tuple[Measure, ...]:
    """Return what is measured; leaks and vessels need whole frames.

    Args:
        how: the protocol.

    Raises:
        InputError: the file of LPIPS weights cannot be used.
    """
    measures = (PIXELS, EXPOSURE) if how.patches else MEASURES
    if how.lpips_weights:
        measures = (*measures, Lpips(how.lpips_weights).measure())
    return measures


def inception_of(how: Protocol) -> InceptionFeatures | None:
    """Return what KID and FID need, if the protocol has a file of weights."""
    if not how.inception_weights:
        return None
    return InceptionFeatures(how.inception_weights)


def judge_on(
    dataset: PreparedDataset,
    split: str,
    systems: Mapping[str, Translator],
    how: Protocol,
    config: TrainConfig | None = None,
) -> Judge:
    """Return what judges systems, and the baselines, on a prepared dataset.

    Args:
        dataset: whose eyes are judged on; its training split is read once.
        split: which of its splits.
        systems: by name.
        how: the protocol.
        config: whose patches are judged; the paper's if `None`.

    Raises:
        InputError: a file of weights or the table cannot be used, or a split
            cannot be had.
    """
    measures = measures_of(how)
    groups = groups_of_dataset(
        dataset.folder, how.table, how.columns, how.key_file
    )
    mean, constant = MeanTrainingFfa(), ConstantFfa()
    training = TrainingImages()
    for record in dataset.records("train", ["ffa"], lone="ffa"):
        mean.add(record["ffa"])
        constant.add(record["ffa"])
        if not how.patches:
            training.add(record["ffa"])
    floor: dict[str, Translator] = {CONSTANT: constant, **CLASSICAL}
    total = None
    if how.patches:
        shape = config or TrainConfig()
        sampling = PatchSampling(
            shape.patch_height,
            shape.patch_width,
            min(shape.patch_stride, shape.patch_height, shape.patch_width),
            min_valid=shape.min_valid,
            circular_mask=shape.circular_mask,
        )
    else:
        floor = {MEAN: mean, **floor}
        measures = (*measures, training.measure())
        total = dataset.num_records(split)

    eyes: Iterable[HeldOut] = eyes_of(dataset, split, groups)
    if how.patches:
        eyes = patches_of(eyes, sampling)
    else:
        eyes = with_second(eyes, others_in(dataset, split))
    systems = {**systems, **floor}
    return Judge(with_chance(eyes), systems, measures, inception_of(how), total)
