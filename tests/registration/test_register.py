"""Registering a pair, as its users see it."""

import csv
import json

import cv2
import numpy as np
import pytest

from ffa_keras.errors import InputError
from ffa_keras.images.files import (
    field_of_view,
    read_ffa,
    read_fundus,
    write_png,
)
from ffa_keras.phantom import make_pair
from ffa_keras.registration import METHODS, judge_matrix, register_pair
from ffa_keras.registration.transform import (
    apply_matrix,
    pixel_grid,
    warp_to_ffa,
)

SIZE = 512


@pytest.fixture(scope="module")
def pair():
    return make_pair(11, "large_focal", SIZE)


@pytest.fixture(scope="module")
def result(pair):
    return register_pair(pair.fundus, pair.ffa)


def _grid_error(found, truth, size=SIZE):
    """Mean distance over the part of the fundus that the FFA shows, pixels."""
    xy = pixel_grid((size, size))[::16, ::16].reshape(-1, 2)
    goal = apply_matrix(truth, xy)
    shown = ((goal >= 0) & (goal < size)).all(1)
    error = apply_matrix(found, xy[shown]) - goal[shown]
    return np.linalg.norm(error, axis=1).mean()


def _turned(pair, degrees, zoom, shift):
    """The pair, its photograph turned about its centre, and the truth."""
    middle = (SIZE - 1) / 2
    extra = np.eye(3)
    extra[:2] = cv2.getRotationMatrix2D((middle, middle), degrees, zoom)
    extra[:2, 2] += shift
    fundus, _ = warp_to_ffa(pair.fundus, extra, (SIZE, SIZE))
    return fundus, pair.matrix @ np.linalg.inv(extra)


def test_a_phantom_pair_is_registered_to_half_a_pixel(pair, result):
    assert result.accepted and not result.reason
    assert _grid_error(result.matrix, pair.matrix) < 0.5
    assert result.num_inliers == result.quality.num_inliers >= 20
    assert 0 < result.rmse < 1.5


def test_the_warped_photograph_lies_on_the_angiogram(pair, result):
    aligned, inside = result.warp(pair.fundus)
    oracle, known = warp_to_ffa(pair.fundus, pair.matrix, (SIZE, SIZE))
    assert aligned.shape == (SIZE, SIZE, 3) and inside.shape == (SIZE, SIZE)
    assert (inside == known).mean() > 0.99
    both = inside & known
    difference = np.abs(aligned.astype(int) - oracle)[both]
    assert difference.mean() < 3


@pytest.mark.parametrize(
    ("degrees", "zoom", "shift"),
    [(-24, 0.85, (40, -30)), (28, 1.2, (-60, 35))],
)
def test_turned_and_zoomed_photographs_are_registered(
    pair, degrees, zoom, shift
):
    fundus, truth = _turned(pair, degrees, zoom, shift)
    result = register_pair(fundus, pair.ffa)
    assert result.accepted
    assert _grid_error(result.matrix, truth) < 1


def test_the_method_of_the_paper_registers_a_phantom_pair(pair):
    result = register_pair(pair.fundus, pair.ffa, method="wang2015")
    assert result.accepted
    assert _grid_error(result.matrix, pair.matrix) < 5


def test_a_dark_early_angiogram_is_registered_too(pair):
    inverted = np.where(field_of_view(pair.ffa)[..., None], 255 - pair.ffa, 0)
    result = register_pair(pair.fundus, inverted)
    assert result.accepted
    assert _grid_error(result.matrix, pair.matrix) < 1


def test_images_of_unlike_size_are_registered(pair):
    double = cv2.resize(pair.fundus, None, fx=2, fy=2)
    result = register_pair(double, pair.ffa)
    # Pixel centres: x_small = (x_double + 0.5) / 2 - 0.5.
    half = np.array([[0.5, 0, -0.25], [0, 0.5, -0.25], [0, 0, 1]])
    assert result.accepted
    assert _grid_error(result.matrix, pair.matrix @ half, 2 * SIZE) < 0.7


def test_any_numeric_type_and_grey_photographs_will_do(pair):
    grey = pair.fundus[..., 1]
    results = [
        register_pair(fundus, ffa)
        for fundus, ffa in (
            (grey[..., None] * np.uint16(257), pair.ffa[..., 0]),
            (np.float32(pair.fundus) / 255, np.repeat(pair.ffa, 3, -1)),
        )
    ]
    for result in results:
        assert result.accepted
        assert _grid_error(result.matrix, pair.matrix) < 1


def test_the_same_pair_gives_the_same_numbers(pair, result):
    again = register_pair(pair.fundus, pair.ffa)
    np.testing.assert_array_equal(again.matrix, result.matrix)
    assert again.quality == result.quality and again.rmse == result.rmse


@pytest.mark.parametrize("method", METHODS)
def test_another_eye_is_refused(pair, method):
    other = make_pair(12, "large_focal", SIZE)
    result = register_pair(other.fundus, pair.ffa, method)
    assert not result.accepted
    assert result.reason


def _hopeless():
    noise = np.random.default_rng(0).integers(0, 256, (240, 250, 3), np.uint8)
    smooth = cv2.GaussianBlur(noise, (0, 0), 3)
    gradient = np.tile(np.arange(250, dtype=np.uint8), (240, 1))
    return {
        "black": np.zeros((240, 250, 3), np.uint8),
        "constant": np.full((240, 250, 3), 140, np.uint8),
        "noise": noise,
        "smooth noise": (smooth.astype(int) * 3 - 256).clip(0, 255),
        "gradient": gradient,
        "one pixel": np.full((1, 1), 9, np.uint8),
        "thin": noise[:2],
        "not a number": np.full((240, 250), np.nan),
    }


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", _hopeless())
def test_images_without_a_retina_are_refused_not_raised(pair, name, method):
    image = _hopeless()[name]
    ffa = np.ascontiguousarray(pair.ffa[::2, ::2])
    result = register_pair(image, ffa, method)
    assert not result.accepted
    assert result.reason
    assert np.isfinite(result.matrix).all()
    aligned, inside = result.warp(np.zeros((50, 60, 3), np.uint8))
    assert aligned.shape[:2] == inside.shape == ffa.shape[:2]


def test_what_is_no_image_or_no_method_is_bad_input(pair):
    with pytest.raises(InputError, match="fundus: not an image"):
        register_pair(np.zeros(5), pair.ffa)
    with pytest.raises(InputError, match="ffa: not an image"):
        register_pair(pair.fundus, np.zeros((0, 4)))
    with pytest.raises(InputError, match="surf.*vessel, wang2015"):
        register_pair(pair.fundus, pair.ffa, method="surf")


def test_a_known_transform_is_judged_by_the_vessels(pair):
    right = judge_matrix(pair.fundus, pair.ffa, pair.matrix)
    assert right.accepted
    np.testing.assert_array_equal(right.matrix, pair.matrix)
    wrong = pair.matrix.copy()
    wrong[:2, 2] += 25
    assert not judge_matrix(pair.fundus, pair.ffa, wrong).accepted


@pytest.fixture(scope="module")
def files(pair, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    for name, image in (("fundus", pair.fundus), ("ffa", pair.ffa)):
        write_png(folder / f"{name}.png", image)
    return folder


def _program(run_program, folder, *more, fundus="fundus.png"):
    return run_program(
        "-m", "ffa_keras.registration", f"--fundus={folder / fundus}",
        f"--ffa={folder / 'ffa.png'}", f"--output={folder / 'out'}",
        *more, check=False,
    )  # fmt: skip


def test_the_program_writes_transform_and_pictures(run_program, files, pair):
    done = _program(run_program, files)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("accepted: ")
    names = {path.name for path in (files / "out").iterdir()}
    assert names == {
        "transform.json", "fundus.png", "valid_mask.png", "checkerboard.png",
        "overlay.png",
    }  # fmt: skip
    record = json.loads((files / "out" / "transform.json").read_text())
    assert record["accepted"] is True
    found = np.array(record["matrix_fundus_to_ffa"])
    assert _grid_error(found, pair.matrix) < 0.5
    mask = read_ffa(files / "out" / "valid_mask.png")
    assert set(np.unique(mask)) == {0, 255}
    assert read_fundus(files / "out" / "fundus.png").shape == pair.fundus.shape
    assert "fundus.png" not in json.dumps(record)


def test_the_program_reports_a_refusal_by_its_exit_status(run_program, files):
    write_png(files / "grey.png", np.full((90, 90, 3), 120, np.uint8))
    done = _program(run_program, files, fundus="grey.png")
    assert done.returncode == 1
    assert done.stdout.strip() == "refused: no vessels found in the fundus"


def test_the_program_uses_a_given_matrix_as_it_is(run_program, files, pair):
    numbers = " ".join(map(str, pair.matrix.ravel()))
    done = _program(run_program, files, f"--matrix={numbers}")
    assert done.returncode == 0, done.stderr
    record = json.loads((files / "out" / "transform.json").read_text())
    np.testing.assert_array_equal(record["matrix_fundus_to_ffa"], pair.matrix)


def test_the_program_names_what_is_wrong_with_its_input(run_program, files):
    for arguments, says in (
        ({"fundus": "absent.png"}, "absent.png"),
        ({"more": ["--matrix=1 2 3"]}, "six numbers"),
        ({"more": ["--landmarks=absent.json"]}, "absent.json"),
    ):
        done = _program(
            run_program, files, *arguments.pop("more", ()), **arguments
        )
        assert done.returncode == 2
        assert done.stderr.startswith("error: ") and says in done.stderr
        assert "Traceback" not in done.stderr


def _real_pairs(folder):
    with (folder / "pairs.csv").open() as lines:
        for row in csv.DictReader(lines):
            landmarks = json.loads((folder / row["landmarks"]).read_text())
            yield (
                row["eye"],
                read_fundus(folder / row["fundus"]),
                read_ffa(folder / row["ffa"]),
                np.array(landmarks["fundus_xy"], float),
                np.array(landmarks["ffa_xy"], float),
            )


@pytest.mark.slow
@pytest.mark.real_data
def test_real_pairs_are_registered_and_mixed_up_ones_refused(
    real_photographs,
):
    pairs = list(_real_pairs(real_photographs / "pairs_landmarked"))
    errors = []
    for _, fundus, ffa, fundus_xy, ffa_xy in pairs:
        result = register_pair(fundus, ffa)
        assert result.accepted, result.reason
        off = apply_matrix(result.matrix, fundus_xy) - ffa_xy
        errors.append(np.linalg.norm(off, axis=1).mean())
    assert max(errors) < 10
    assert np.median(errors) < 4
    # What is refused takes longest.
    mixed = list(zip(pairs, pairs[5:] + pairs[:5], strict=True))
    for (eye, fundus, *_), (other, _, ffa, *_) in mixed[::2]:
        assert eye == other or not register_pair(fundus, ffa).accepted
