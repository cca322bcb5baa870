"""A photograph is warped onto its angiogram, and where both are valid."""

import csv
import json

import cv2
import numpy as np
import pytest

from ffa_keras.images.files import field_of_view, write_png
from ffa_keras.phantom import make_pair
from ffa_keras.preparation.align import Treatment, align_files, align_images
from ffa_keras.preparation.entry import PairFiles
from ffa_keras.preparation.manifest import read_manifest
from ffa_keras.registration.transform import scaling

SHIFT = np.array([[1.0, 0, 12], [0, 1, -7], [0, 0, 1]])


def _smooth(shape, seed=0):
    noise = np.random.default_rng(seed).normal(size=shape)
    noise = cv2.GaussianBlur(noise, (0, 0), 4)
    return np.clip(120 + 400 * noise, 40, 220).astype(np.uint8)


def _disc(shape, centre, radius):
    ys, xs = np.mgrid[: shape[0], : shape[1]]
    return (xs - centre[0]) ** 2 + (ys - centre[1]) ** 2 <= radius**2


@pytest.fixture
def scene():
    """A photograph, its angiogram moved by `SHIFT`, both circular."""
    shape = (160, 200)
    photograph = np.dstack([_smooth(shape, seed) for seed in range(3)])
    photograph *= _disc(shape, (100, 80), 70)[..., None].astype(np.uint8)
    angiogram = _smooth(shape, 3)
    angiogram *= _disc(shape, (100, 80), 70).astype(np.uint8)
    return photograph, angiogram[..., None]


@pytest.fixture
def entry(scene, tmp_path):
    def make(matrix=None, given=None):
        write_png(tmp_path / "f.png", scene[0])
        write_png(tmp_path / "a.png", scene[1])
        return PairFiles(
            tmp_path / "f.png", tmp_path / "a.png",
            matrix=matrix, given=given or ("" if matrix is None else "affine"),
        )  # fmt: skip

    return make


def test_the_photograph_moves_and_the_angiogram_stays(scene):
    photograph, angiogram = scene
    pair = align_images(photograph, angiogram, SHIFT)
    np.testing.assert_array_equal(pair.ffa, angiogram)
    np.testing.assert_array_equal(
        pair.fundus[:150, 12:], photograph[7:157, :188]
    )


def test_the_valid_mask_is_the_overlap_without_its_rim(scene):
    pair = align_images(*scene, SHIFT)
    shape = pair.valid_mask.shape
    overlap = _disc(shape, (100, 80), 70) & _disc(shape, (112, 73), 70)
    inner = _disc(shape, (100, 80), 64) & _disc(shape, (112, 73), 64)
    outer = _disc(shape, (100, 80), 69) & _disc(shape, (112, 73), 69)
    assert not (pair.valid_mask & ~overlap).any()
    assert not (pair.valid_mask & ~outer).any()
    assert not (inner & ~pair.valid_mask).any()


def test_a_frame_without_surround_is_valid_up_to_where_the_photograph_ends():
    photograph = np.dstack([_smooth((120, 140), seed) for seed in range(3)])
    pair = align_images(photograph, _smooth((120, 140), 3)[..., None], SHIFT)
    assert pair.valid_mask[3:105, 20:].all()
    assert not pair.valid_mask[:, :14].any()
    assert not pair.valid_mask[114:].any()


def test_sizes_may_differ_where_a_transform_is_given(entry, scene, tmp_path):
    halved = np.diag([2.0, 2.0, 1.0])
    given = entry(halved)
    write_png(tmp_path / "f.png", cv2.resize(scene[0], (100, 80)))
    pair, _ = align_files(given)
    assert pair.fundus.shape == (160, 200, 3)
    assert pair.valid_mask.shape == (160, 200)
    assert np.abs(pair.fundus[50:110, 70:130].astype(int)
                  - scene[0][50:110, 70:130]).mean() < 5  # fmt: skip


def test_the_transform_of_the_manifest_wins(entry):
    aligned = Treatment(assume_aligned=True)
    moved, verdict = align_files(entry(SHIFT), aligned)
    still, other = align_files(entry(), aligned)
    named, same = align_files(entry(given="aligned"))
    np.testing.assert_array_equal(
        moved.fundus[:150, 12:], still.fundus[7:157, :188]
    )
    np.testing.assert_array_equal(named.fundus, still.fundus)
    assert (verdict.how, other.how, same.how) == ("affine", *["aligned"] * 2)


def test_a_given_transform_that_no_vessel_bears_out_is_doubtful(entry):
    _, verdict = align_files(entry(SHIFT))
    assert verdict.accepted and verdict.status == "doubtful"
    assert "vessels in place" in verdict.reason


def test_pairs_without_a_transform_are_registered(tmp_path):
    drawn = make_pair(3, "normal", 480)
    write_png(tmp_path / "f.png", drawn.fundus)
    write_png(tmp_path / "a.png", drawn.ffa)
    files = tmp_path / "f.png", tmp_path / "a.png"
    pair, verdict = align_files(PairFiles(*files))
    assert (verdict.status, verdict.how) == ("kept", "registered")
    assert verdict.figures["keypoints"] >= 20
    oracle = align_images(drawn.fundus, drawn.ffa, drawn.matrix)
    both = pair.valid_mask & oracle.valid_mask
    assert both.sum() > 0.97 * oracle.valid_mask.sum()
    off = np.abs(pair.fundus.astype(int) - oracle.fundus)[both]
    assert off.mean() < 3


def test_images_of_two_eyes_are_refused(tmp_path):
    write_png(tmp_path / "f.png", make_pair(3, "normal", 320).fundus)
    write_png(tmp_path / "a.png", make_pair(4, "normal", 320).ffa)
    files = tmp_path / "f.png", tmp_path / "a.png"
    _, verdict = align_files(PairFiles(*files))
    assert verdict.status == "refused" and verdict.reason


def test_a_transform_that_leaves_the_frame_is_refused(entry):
    away = np.array([[1.0, 0, 500], [0, 1, 0], [0, 0, 1]])
    _, verdict = align_files(entry(away))
    assert verdict.status == "refused"
    assert verdict.reason == "the fields of view share 0% of the frame"


def test_square_angiograms_are_scaled_and_the_transform_with_them(tmp_path):
    drawn = make_pair(3, "normal", 96)
    write_png(tmp_path / "f.png", drawn.fundus)
    write_png(tmp_path / "a.png", drawn.ffa)
    files = tmp_path / "f.png", tmp_path / "a.png"
    entry = PairFiles(*files, matrix=drawn.matrix, given="affine")
    small, _ = align_files(entry)
    large, _ = align_files(entry, Treatment(side=192))
    assert large.ffa.shape == (192, 192, 1)
    shrunk = cv2.resize(large.fundus, (96, 96), interpolation=cv2.INTER_AREA)
    off = np.abs(shrunk.astype(int) - small.fundus)[small.valid_mask]
    assert off.mean() < 3


@pytest.mark.parametrize("angiogram_side", [96, 144])
def test_pairs_are_scaled_until_the_field_has_a_width(tmp_path, angiogram_side):
    """Whatever the pixels of the angiogram, in whose frame they lie."""
    drawn = make_pair(3, "normal", 96)
    side = (angiogram_side, angiogram_side)
    write_png(tmp_path / "f.png", drawn.fundus)
    write_png(tmp_path / "a.png", cv2.resize(drawn.ffa, side)[..., None])
    files = PairFiles(
        tmp_path / "f.png",
        tmp_path / "a.png",
        matrix=scaling(angiogram_side / 96) @ drawn.matrix,
        given="affine",
    )
    pair, verdict = align_files(files, Treatment(field_diameter=192))
    assert verdict.accepted
    assert pair.fundus.shape[:2] == pair.ffa.shape[:2] == pair.valid_mask.shape
    area = np.count_nonzero(field_of_view(pair.fundus))
    # Some of the field lies beyond the frame of the angiogram.
    assert 0.9 * 192 < np.sqrt(4 * area / np.pi) < 1.02 * 192


def test_an_image_alone_is_scaled_likewise(tmp_path):
    write_png(tmp_path / "f.png", make_pair(3, "normal", 96).fundus)
    pair, _ = align_files(
        PairFiles(tmp_path / "f.png", None), Treatment(field_diameter=192)
    )
    area = np.count_nonzero(field_of_view(pair.fundus))
    assert np.sqrt(4 * area / np.pi) == pytest.approx(192, rel=0.02)


def test_burnt_in_text_does_not_reach_the_pair(scene, tmp_path):
    """Off the retina it goes by itself; on it, the box must be known."""
    photograph, angiogram = (image.copy() for image in scene)
    for image in (photograph, angiogram):
        cv2.putText(image, "31/12/1999", (1, 8), 0, 0.3, (255, 255, 255), 1)
    pair = align_images(photograph, angiogram, np.eye(3))
    assert not pair.fundus[:10, :52].any() and not pair.ffa[:10, :52].any()
    # A retina that fills the frame, text and all.
    full = np.full((160, 200, 1), 120, np.uint8)
    full[:10, :52] = 255
    write_png(tmp_path / "f.png", np.repeat(full, 3, -1))
    write_png(tmp_path / "a.png", full)
    entry = PairFiles(
        tmp_path / "f.png", tmp_path / "a.png",
        given="aligned",
    )  # fmt: skip
    boxed, _ = align_files(entry, Treatment(text_box=(52 / 200, 10 / 160)))
    assert not boxed.ffa[:10, :52].any()
    assert boxed.ffa[20:, 60:].all()


@pytest.mark.real_data
def test_real_pairs_lie_on_each_other_inside_their_mask(real_photographs):
    """Landmarks meet, and vessels are dark in one and bright in the other."""
    folder = real_photographs / "pairs_landmarked"
    with (folder / "pairs.csv").open() as file:
        rows = {row["pair_id"]: row for row in csv.DictReader(file)}
    for entry in read_manifest(folder / "pairs.csv"):
        pair, _ = align_files(entry.files)
        green = 255.0 - pair.fundus[..., 1]
        contrasts = []
        for image in (green, pair.ffa[..., 0].astype(float)):
            detail = image - cv2.GaussianBlur(image, (0, 0), 8)
            contrasts.append(cv2.GaussianBlur(detail, (0, 0), 1.5))
        inside = cv2.erode(pair.valid_mask.astype(np.uint8), np.ones((31, 31)))
        fundus, ffa = contrasts
        together, apart = (
            np.corrcoef(fundus[inside > 0], moved[inside > 0])[0, 1]
            for moved in (ffa, np.roll(ffa, 15, axis=1))
        )
        points = json.loads(
            (folder / rows[entry.pair_id]["landmarks"]).read_text()
        )
        ones = np.ones((len(points["fundus_xy"]), 1))
        mapped = np.hstack([points["fundus_xy"], ones]) @ entry.matrix.T
        error = np.median(
            np.linalg.norm(mapped[:, :2] - points["ffa_xy"], axis=1)
        )
        assert 0.3 < pair.valid_mask.mean() < 0.95, entry.pair_id
        assert error < 6, entry.pair_id
        assert together > max(0.25, 2 * apart), entry.pair_id


@pytest.mark.parametrize("lone", [False, True])
def test_without_a_field_nothing_is_scaled(tmp_path, lone):
    """A dark photograph would become four times as wide and as high."""
    write_png(tmp_path / "f.png", np.zeros((96, 96, 3), np.uint8))
    write_png(tmp_path / "a.png", make_pair(3, "normal", 96).ffa)
    ffa = None if lone else tmp_path / "a.png"
    files = PairFiles(tmp_path / "f.png", ffa, given="" if lone else "aligned")
    pair, verdict = align_files(files, Treatment(field_diameter=192))
    assert not verdict.accepted
    assert pair.fundus.shape == (96, 96, 3)
