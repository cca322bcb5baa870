"""Leaks between splits: planted ones are found, chance likeness is none."""

import dataclasses
import shutil
import struct

import cv2
import numpy as np
import pytest

from ffa_keras.errors import InputError
from ffa_keras.images.files import encode_png
from ffa_keras.phantom import make_pair
from ffa_keras.records.audit import leaks
from ffa_keras.records.audit.leaks import (
    Leak,
    audit_dataset,
    find_leaks,
    fingerprint,
    perceptual_hash,
    refuse_leaks,
)
from ffa_keras.records.dataset import PreparedDataset


@pytest.fixture(scope="module")
def pairs():
    return [make_pair(seed, "large_focal", 160) for seed in range(8)]


def _print(split, number, pair, **changes):
    record = {
        "fundus": encode_png(pair.fundus),
        "ffa": encode_png(pair.ffa),
        "valid_mask": encode_png(np.where(pair.ffa > 10, 255, 0)),
        "pair": f"pair{number}".encode(),
        "patient": f"patient{number}".encode(),
        "eye": f"eye{number}".encode(),
    }
    return fingerprint(split, record | changes)


def _kinds(leaks):
    return [leak.kind for leak in leaks]


def test_unlike_pairs_are_no_leak(pairs):
    prints = [
        _print("train" if number % 2 else "test", number, pair)
        for number, pair in enumerate(pairs)
    ]
    assert find_leaks(prints) == []


def test_a_shared_patient_or_eye_is_found_unless_the_split_allows_it(pairs):
    prints = [
        _print("train", 0, pairs[0]),
        _print("test", 1, pairs[1], patient=b"patient0", eye=b"eye0"),
        _print("test", 2, pairs[2], patient=b"patient0"),
    ]
    leaks = find_leaks(prints)
    assert _kinds(leaks) == ["one patient", "one eye"]
    assert str(leaks[1]) == "one eye: train pair0 and test pair1"
    assert _kinds(find_leaks(prints, "eye")) == ["one eye"]
    assert find_leaks(prints, "image") == []


def test_the_same_image_is_found_under_another_name(pairs):
    twin = dataclasses.replace(pairs[1], ffa=pairs[0].ffa)
    prints = [_print("train", 0, pairs[0]), _print("validation", 1, twin)]
    assert _kinds(find_leaks(prints)) == ["identical FFA"]
    inside = [_print("train", 0, pairs[0]), _print("train", 1, twin)]
    assert find_leaks(inside) == [], "twins in one split do no harm"


def _jpeg(image):
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 60])[1]
    return cv2.imdecode(data, cv2.IMREAD_UNCHANGED).reshape(image.shape)


@pytest.mark.parametrize(
    "change",
    [
        _jpeg,
        lambda image: (image * 0.7 + 10).astype(np.uint8),
        lambda image: cv2.resize(image, (224, 224)).reshape(224, 224, -1),
        lambda image: np.roll(image, (1, 1), axis=(0, 1)),
        lambda image: cv2.GaussianBlur(image, (0, 0), 1.5).reshape(image.shape),
    ],
    ids=["jpeg", "darker", "scaled", "moved", "blurred"],
)
def test_a_photograph_saved_again_is_nearly_the_same(pairs, change):
    twin = dataclasses.replace(
        pairs[0], fundus=change(pairs[0].fundus), ffa=change(pairs[0].ffa)
    )
    leaks = find_leaks([_print("train", 0, pairs[0]), _print("test", 1, twin)])
    assert _kinds(leaks) == ["near-duplicate photograph", "near-duplicate FFA"]


def test_hashes_of_two_eyes_differ_in_about_half_of_their_bits(pairs):
    """The least of many is far above what counts as near."""
    whole = np.ones((160, 160), bool)
    hashes = [perceptual_hash(pair.ffa[..., 0], whole) for pair in pairs]
    differing = [
        np.bitwise_count(a ^ b).sum() / (8 * len(a))
        for number, a in enumerate(hashes)
        for b in hashes[:number]
    ]
    assert 0.35 < np.mean(differing) < 0.6
    assert min(differing) > 0.2


def test_a_prepared_dataset_is_audited_from_its_records(
    dataset, phantom_dataset, run_program
):
    assert audit_dataset(dataset) == []
    done = run_program(
        "-m", "ffa_keras.records.audit", f"--dataset_dir={phantom_dataset}"
    )
    assert done.stdout == "no leak between the splits\n"


def test_records_that_are_noted_as_clean_are_not_decoded_again(
    phantom_dataset, tmp_path, monkeypatch
):
    """But for others than those, or by stricter rules than then."""
    source = PreparedDataset.find(phantom_dataset).folder
    folder = tmp_path / "pairs"
    shutil.copytree(source, folder)
    audited = []

    def planted(dataset):
        audited.append(dataset)
        return [Leak("same patient", ("train", "a"), ("test", "b"))]

    monkeypatch.setattr(leaks, "audit_dataset", planted)
    refuse_leaks(PreparedDataset.open(folder))
    assert not audited
    (record_file, *_) = sorted(folder.glob("*train.tfrecord-*"))
    whole = record_file.read_bytes()
    (length,) = struct.unpack("<Q", whole[:8])
    record_file.write_bytes(whole[: 8 + 4 + length + 4])
    with pytest.raises(InputError, match="1 leaks between the splits: same"):
        refuse_leaks(PreparedDataset.open(folder))
    record_file.write_bytes(whole)
    refuse_leaks(PreparedDataset.open(folder))
    monkeypatch.setattr(leaks, "RULES", 2)
    with pytest.raises(InputError, match="1 leaks"):
        refuse_leaks(PreparedDataset.open(folder))
    assert len(audited) == 2
