"""Every measure against an answer known from elsewhere."""

import cv2
import numpy as np
import pytest
import scipy.spatial
import scipy.stats
import tensorflow as tf
from scipy import ndimage
from skimage import draw
from skimage.morphology import skeletonize

from ffa_keras.errors import InputError
from ffa_keras.evaluation.classical import CLASSICAL, ConstantFfa
from ffa_keras.evaluation.inception import (
    InceptionFeatures,
    frechet_distance,
    kernel_distance,
)
from ffa_keras.evaluation.measures import (
    MEASURES,
    Eye,
    Measure,
    Metric,
    metrics_of,
)
from ffa_keras.evaluation.measures.copies import TrainingImages
from ffa_keras.evaluation.measures.overlap import (
    centre_line_dice,
    dice,
    roc_area,
)
from ffa_keras.evaluation.measures.pixels import PIXELS
from ffa_keras.evaluation.measures.remembering import remembered
from ffa_keras.evaluation.measures.vessels import VESSELS
from ffa_keras.evaluation.ms_ssim import Structure
from ffa_keras.evaluation.statistics import holm, paired_difference
from ffa_keras.phantom import make_pair


def _scores(measure, real, prediction, mask, leakage=None):
    fundus = np.zeros((*real.shape[:2], 3), np.uint8)
    eye = Eye(fundus, real, mask > 0, leakage)
    return measure.of(eye)(prediction)


def _images(height=192, width=208, seed=0):
    rng = np.random.default_rng(seed)
    base = cv2.GaussianBlur(rng.uniform(0, 255, (height, width)), (0, 0), 3)
    base = (base - base.min()) / np.ptp(base) * 255
    noisy = base + rng.normal(0, 20, base.shape)
    return tuple(
        np.clip(image, 0, 255).astype(np.uint8)[..., None]
        for image in (base, noisy)
    )


def _ms_ssim(real, fake, mask=None):
    ((_, multiple),) = Structure(real, mask).compare(fake)
    return multiple


def test_ms_ssim_is_that_of_tensorflow():
    real, fake = _images()
    expected = tf.image.ssim_multiscale(
        tf.constant(real[None]), tf.constant(fake[None]), 255
    )
    assert _ms_ssim(real, fake) == pytest.approx(float(expected[0]), abs=1e-5)
    everywhere = np.ones_like(real)
    assert _ms_ssim(real, fake, everywhere) == _ms_ssim(real, fake)


def test_ms_ssim_does_not_look_outside_the_mask():
    real, fake = _images(256, 256)
    mask = np.zeros_like(real)
    mask[:, :160] = 255
    changed = fake.copy()
    # Beyond the reach of the coarsest window around a pixel that counts.
    changed[:, 160 + 5 * 16 :] = 0
    assert _ms_ssim(real, changed, mask) == _ms_ssim(real, fake, mask)
    assert _ms_ssim(real, changed) < _ms_ssim(real, fake)


def test_ms_ssim_of_a_small_image_is_missing():
    assert np.isnan(_ms_ssim(*_images(175, 300)))


def test_l1_counts_grey_levels_inside_the_mask():
    real, fake = np.zeros((2, 12, 12, 1), np.uint8)
    fake[:] = 10
    fake[:, 0] = 130
    mask = fake < 100
    scores = _scores(PIXELS, real, fake, mask)
    assert scores["l1"] == 20 and scores["l1_valid"] == 10
    assert np.isnan(_scores(PIXELS, real, fake, 0 * mask)["l1_valid"])


def test_dice_and_roc_area_are_those_of_the_textbook():
    rng = np.random.default_rng(0)
    first, second = rng.random((2, 40, 40)) < 0.3
    expected = 1 - scipy.spatial.distance.dice(first.ravel(), second.ravel())
    assert dice(first, second) == pytest.approx(expected)
    assert np.isnan(dice(first & False, first & False))
    scores = np.round(rng.normal(first.ravel(), 2), 1)
    above = scores[first.ravel()][:, None] - scores[~first.ravel()]
    pairs = (above > 0) + 0.5 * (above == 0)
    assert roc_area(first.ravel(), scores) == pytest.approx(pairs.mean())
    assert np.isnan(roc_area(np.ones(3, bool), np.arange(3)))


def _cross(shape=(64, 64)):
    image = np.zeros(shape, bool)
    image[30:33, 5:60] = True
    image[5:60, 40:43] = True
    return image


def test_centre_line_dice_forgives_width_but_not_missing_branches():
    vessels = _cross()
    line = skeletonize(vessels)
    thicker = ndimage.binary_dilation(vessels)
    assert centre_line_dice(vessels, vessels, line) == 1
    # The thicker skeleton may stick out at the six ends only.
    assert (
        centre_line_dice(vessels, thicker, line) > 0.95 > dice(vessels, thicker)
    )
    lost = vessels.copy()
    lost[:, 40:43] = False
    lost[30:33, 5:60] = True
    # All that is drawn is right; half of the centre lines are found.
    assert centre_line_dice(vessels, lost, line) == pytest.approx(
        2 / 3, abs=0.03
    )
    assert centre_line_dice(vessels, vessels & False, line) == 0


def _angiogram(contrast=100, size=200):
    image = np.full((size, size), 60.0)
    for start, end in (((20, 30), (180, 150)), ((100, 10), (90, 190))):
        rows, columns = draw.line(*start, *end)
        image[rows, columns] += 3 * contrast
    image = cv2.GaussianBlur(image, (0, 0), 1.5)
    noise = np.random.default_rng(0).normal(0, 2, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)[..., None]


def test_the_rim_of_the_field_of_view_is_no_vessel():
    rows, columns = np.ogrid[:200, :200]
    disc = (rows - 100) ** 2 + (columns - 100) ** 2 < 90**2
    real = np.where(disc[..., None], _angiogram(), 0).astype(np.uint8)
    flat = np.where(disc[..., None], 60, 0).astype(np.uint8)
    figures = _scores(VESSELS, real, flat, disc[..., None])
    assert figures["vessel_dice"] == 0


def test_a_copied_training_image_is_found_and_a_classical_picture_is_none():
    pairs = [
        make_pair(seed, "normal", 128, matrix=np.eye(3)) for seed in range(6)
    ]
    training = TrainingImages()
    for pair in pairs[1:]:
        training.add(pair.ffa)
    own = pairs[0]
    eye = Eye(own.fundus, own.ffa, np.ones_like(own.ffa) > 0)
    compare = training.measure().of(eye)
    copy = compare(pairs[2].ffa)
    assert copy["training_similarity"] == pytest.approx(1, abs=1e-3)
    assert copy["copied"] > 0.5
    assert compare(own.ffa)["copied"] == 0
    for hidden in (
        pairs[2].ffa[::-1],
        np.rot90(pairs[2].ffa),
        np.roll(pairs[2].ffa, (3, -4), (0, 1)),
    ):
        assert compare(np.ascontiguousarray(hidden))["copied"] > 0.4
    for picture in CLASSICAL.values():
        assert compare(picture(own.fundus))["copied"] < 0.05
    flat = compare(np.full_like(own.ffa, 7))
    assert flat["training_similarity"] == pytest.approx(0, abs=1e-3)
    # To copy less than the truth does is not better.
    (copied,) = [m for m in training.measure().metrics if m.name == "copied"]
    assert copied.best == 0


def test_the_same_arrays_are_searched_once():
    searched = []

    @remembered(2)
    def search(image, share=1):
        searched.append(image.shape)
        return image.sum() * share

    image = np.arange(12).reshape(3, 4)
    assert search(image) == search(image.copy()) == 66
    assert len(searched) == 1
    # Another shape, value or number is another question.
    assert search(image.reshape(4, 3)) == 66
    assert search(image, share=2) == 132
    assert search(image + 1) == 78
    assert len(searched) == 4
    # The first answer is forgotten by now.
    assert search(image) == 66 and len(searched) == 5


def test_the_best_constant_is_that_of_the_eye_not_of_the_black_around_it():
    rows, columns = np.ogrid[:200, :200]
    inside = (rows - 100) ** 2 + (columns - 100) ** 2 < 80**2
    noise = np.random.default_rng(0).integers(80, 121, (200, 200))
    constant = ConstantFfa()
    constant.add(np.where(inside, noise, 2).astype(np.uint8)[..., None])
    (level,) = np.unique(constant(np.zeros((8, 8, 3), np.uint8)))
    assert abs(int(level) - 100) <= 1


def test_frechet_distance_of_gaussians_is_the_closed_form():
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    first, second = np.array([1.0, 2.0, 3.0]), np.array([2.0, 0.5, 3.0])
    white = rng.normal(size=(400, 3))
    white -= white.mean(0)
    white = white @ np.linalg.inv(np.linalg.cholesky(np.cov(white.T))).T
    shift = np.array([0.5, -1.0, 2.0])
    real = white * first @ basis.T
    fake = white * second @ basis.T + shift
    # Covariances that commute: the squared difference of the deviations.
    expected = shift @ shift + np.square(first - second).sum()
    assert frechet_distance(real, fake) == pytest.approx(expected, rel=1e-6)


def test_kernel_distance_is_the_unbiased_double_sum():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(5, 4)), rng.normal(0.3, 1, size=(6, 4))

    def mean(first, second, skip):
        return np.mean(
            [
                (a @ b / 4 + 1) ** 3
                for i, a in enumerate(first)
                for j, b in enumerate(second)
                if not (skip and i == j)
            ]
        )

    expected = mean(real, real, True) + mean(fake, fake, True)
    expected -= 2 * mean(real, fake, False)
    assert kernel_distance(real, fake) == pytest.approx(expected)


def test_inception_weights_that_are_none_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        InceptionFeatures(str(tmp_path / "absent.h5"))


def test_the_paired_test_is_scipys_permutation_test():
    rng = np.random.default_rng(0)
    values, others = rng.normal(0.4, 1, 10), rng.normal(0, 1, 10)
    patients = [f"p{i}" for i in range(10)]
    found = paired_difference(values, others, patients, patients)
    expected = scipy.stats.permutation_test(
        (values, others),
        lambda a, b, axis: np.mean(a - b, axis=axis),
        permutation_type="samples",
        n_resamples=np.inf,
    )
    assert found.p == pytest.approx(expected.pvalue)
    assert found.mean == pytest.approx(np.mean(values - others))


def test_two_eyes_of_a_patient_are_exchanged_together():
    values, others = np.arange(1.0, 13), np.zeros(12)
    by_patient = paired_difference(
        values, others, [*"aabbccddeeff"], [*"abcdefghijkl"]
    )
    assert by_patient.p == 2 / 2**6
    of_five = paired_difference(
        values, others, [*"aabbccddeeee"], [*"abcdefghijkl"]
    )
    assert np.isnan(of_five.p)


def test_many_patients_are_sampled():
    rng = np.random.default_rng(1)
    values = rng.normal(0.3, 1, 60)
    names = list(map(str, range(60)))
    found = paired_difference(values, np.zeros(60), names, names)
    expected = scipy.stats.ttest_1samp(values, 0).pvalue
    assert found.p == pytest.approx(expected, rel=0.3)


def test_holm_is_that_of_the_worked_example():
    # Sorted .005 .01 .03 .04 times 4 3 2 1, never falling.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx(
        [0.03, 0.06, 0.06, 0.02]
    )
    assert holm([0.5, float("nan")])[0] == 0.5


@pytest.mark.parametrize("returned", [{"a": 1.0}, {"a": 1.0, "b": 2.0, "c": 3}])
def test_a_metric_that_is_missing_or_unknown_is_an_error(returned):
    metrics = tuple(Metric(name, name, 2, 1, "Section") for name in "ab")
    measure = Measure("letters", metrics, lambda eye: lambda image: returned)
    image = np.zeros((16, 16, 1), np.uint8)
    with pytest.raises(ValueError, match="letters.*'[bc]'"):
        _scores(measure, image, image, image)


def test_two_metrics_of_one_name_are_an_error():
    with pytest.raises(ValueError, match="twice.*psnr"):
        metrics_of([*MEASURES, MEASURES[0]])


def test_every_measure_returns_what_it_declares():
    real, prediction = _images()
    for measure in MEASURES:
        scores = _scores(measure, real, prediction, np.ones_like(real))
        assert list(scores) == [metric.name for metric in measure.metrics]
        assert all(isinstance(value, float) for value in scores.values())


@pytest.mark.parametrize(
    "fundus, mask, message",
    [
        ((10, 64, 3), (10, 64, 1), "64x10 pixels.*at least 11"),
        ((64, 60, 3), (64, 64, 1), "differ in size: 60x64, 64x64"),
    ],
)
def test_an_eye_that_cannot_be_judged_is_refused(fundus, mask, message):
    real = np.zeros((*mask[:2], 1), np.uint8)
    with pytest.raises(InputError, match=message):
        Eye(np.zeros(fundus, np.uint8), real, np.ones(mask, bool))
