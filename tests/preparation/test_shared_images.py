"""One eye under two owners is found in the raw files, and nothing else is."""

import dataclasses

import cv2
import numpy as np
import pytest

from ffa_keras.phantom import make_pair
from ffa_keras.preparation.check import shared_eyes
from ffa_keras.preparation.entry import PairEntry
from ffa_keras.preparation.shared_images import (
    RawImage,
    SharedImage,
    find_shared_images,
)


def _turned(image):
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 3, 1)
    return cv2.warpAffine(image, matrix, (width, height))


def _cropped(image):
    height, width = image.shape[:2]
    rows, columns = round(0.05 * height), round(0.05 * width)
    return image[rows : height - rows, columns : width - columns]


CHANGES = {
    "saved again": lambda x: cv2.imdecode(
        cv2.imencode(".jpg", cv2.convertScaleAbs(x, None, 1.2, -10))[1], 1
    ),
    "turned by 3 degrees": _turned,
    "cropped to 90 %": _cropped,
    "mirrored": lambda x: x[:, ::-1],
    "turned by 90 degrees": np.rot90,
}


def _write(path, image):
    cv2.imwrite(str(path), np.ascontiguousarray(image))
    return path


def _pairs(found):
    return {(shared.first.name, shared.second.name) for shared in found}


@pytest.fixture(scope="module")
def eyes(tmp_path_factory):
    """Photographs and angiograms of three phantom eyes."""
    folder = tmp_path_factory.mktemp("eyes")
    images = {"fundus": [], "ffa": []}
    for seed in range(3):
        pair = make_pair(seed, "normal", 512)
        for kind, image in (
            ("fundus", pair.fundus[..., ::-1]),
            ("ffa", pair.ffa),
        ):
            path = _write(folder / f"{seed}_{kind}.png", image)
            images[kind].append(RawImage(path, f"patient {seed}"))
    return images


# Nearly all time goes by refusing what is alike and no copy: two for each file.
@pytest.mark.slow
@pytest.mark.parametrize(
    "kind, changes",
    [
        ("fundus", ["saved again", "cropped to 90 %", "turned by 90 degrees"]),
        ("ffa", ["mirrored", "turned by 3 degrees"]),
    ],
)
def test_planted_copies_are_found_and_nothing_else(
    eyes, kind, changes, tmp_path
):
    originals = eyes[kind][: len(changes)]
    copies, expected = [], set()
    for original, name in zip(originals, changes, strict=True):
        source = original.path
        image = cv2.imread(str(source))
        path = _write(tmp_path / f"{name}.png", CHANGES[name](image))
        copies.append(RawImage(path, f"other {name}"))
        expected.add((source.name, path.name))
    found = find_shared_images([*originals, *copies], kind == "ffa", workers=1)
    assert _pairs(found) == expected
    assert all("same eye" in shared.kind for shared in found)


def test_an_identical_file_is_called_so(eyes, tmp_path):
    original = eyes["fundus"][0]
    image = cv2.imread(str(original.path))
    copy = _write(tmp_path / "copy.bmp", image)
    files = [original, RawImage(copy, "other")]
    found = find_shared_images(files, workers=1)
    assert found == [SharedImage("identical photograph", original.path, copy)]


def test_images_of_one_owner_may_look_alike(eyes, tmp_path):
    original = eyes["fundus"][0]
    image = cv2.imread(str(original.path))
    again = _write(tmp_path / "again.png", _turned(image))
    files = [original, RawImage(again, original.owner)]
    assert find_shared_images(files, workers=1) == []


def test_frames_without_content_are_no_copies(tmp_path):
    files = [
        RawImage(
            _write(tmp_path / f"{level}.png", np.full((90, 90, 3), level)),
            owner,
        )
        for level, owner in ((0, "a"), (90, "b"))
    ]
    assert find_shared_images(files, workers=1) == []
    assert find_shared_images([], workers=1) == []


def _entry(number, fundus, ffa, patient):
    return PairEntry(str(number), fundus, ffa, patient, f"eye of {number}")


def test_a_note_names_the_files_of_an_eye_with_two_patients(eyes, tmp_path):
    names = "photograph", "FFA"
    files = [eyes[kind][0].path for kind in ("fundus", "ffa")]
    copies = [
        _write(tmp_path / f"{name}.bmp", cv2.imread(str(file)))
        for name, file in zip(names, files, strict=True)
    ]
    entries = [_entry(1, *files, "a"), _entry(2, *copies, "b")]
    notes = shared_eyes(entries, "patient", workers=1)
    for note, name, *both in zip(notes, names, files, copies, strict=True):
        assert note.startswith(f"identical {name}: {both[0]} and {both[1]},")
        assert "two patients" in note and "give both one patient" in note
    together = [dataclasses.replace(e, patient="a") for e in entries]
    assert shared_eyes(together, "patient", workers=1) == [
        "compared 2 photographs and 2 FFA: no eye under two patients"
    ]


@pytest.mark.slow
@pytest.mark.real_data
def test_real_eyes_photographed_twice_are_found(real_photographs):
    folder = real_photographs / "pairs_landmarked"
    paths = [folder / f"{n}_ffa.png" for n in (24, 32, 34, 38, 52, 88, 89)]
    files = [RawImage(path, path.stem) for path in paths]
    found = find_shared_images(files, ffa=True, workers=1)
    assert ("32_ffa.png", "34_ffa.png") in _pairs(found)
    one_eye = [{"32", "34", "38"}, {"88", "89"}]
    for shared in found:
        numbers = {shared.first.stem[:2], shared.second.stem[:2]}
        assert any(numbers <= eye for eye in one_eye), shared
