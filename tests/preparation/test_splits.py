"""Splits by patient, and hashes in the place of names."""

import collections
import dataclasses
import hashlib
import hmac
import stat
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from ffa_keras.errors import InputError
from ffa_keras.preparation.entry import PairEntry
from ffa_keras.preparation.splits import (
    absent_categories,
    assign_split,
    hashed_id,
    read_key,
    split_pairs,
)
from ffa_keras.records.schema import SPLITS

KEY = b"a secret of this clinic"


def _pairs(*patients_and_splits):
    return [
        PairEntry(f"{n}", Path("f.png"), Path("a.png"), patient, "e", split=s)
        for n, (patient, s) in enumerate(patients_and_splits)
    ]


def test_hashes_are_hmac_sha256():
    want = hmac.new(KEY, b"patient\0Ann", hashlib.sha256).hexdigest()
    assert hashed_id(KEY, "patient", "Ann") == want[:32]


def test_hashes_differ_by_key_kind_and_value():
    hashes = {
        hashed_id(key, kind, value)
        for key in (KEY, b"another")
        for kind in ("patient", "eye")
        for value in ("Ann", "Bob", "")
    }
    assert len(hashes) == 12


def test_splits_have_their_shares():
    count = collections.Counter(
        assign_split(f"patient {n}", KEY) for n in range(20_000)
    )
    # Five standard deviations of a binomial count.
    assert count["test"] == pytest.approx(4_000, abs=283)
    assert count["validation"] == pytest.approx(1_600, abs=192)
    assert set(count) == set(SPLITS)


def test_another_key_gives_another_split():
    moved = sum(
        assign_split(f"{n}", KEY) != assign_split(f"{n}", b"another")
        for n in range(1000)
    )
    assert 300 < moved < 600


@given(st.lists(st.text(min_size=1), min_size=1, unique=True), st.text())
def test_adding_a_patient_moves_no_other(patients, newcomer):
    before = {p: assign_split(p, KEY) for p in patients}
    after = {p: assign_split(p, KEY) for p in [newcomer, *patients]}
    assert before.items() <= after.items()


def test_each_patient_is_in_one_split():
    pairs = _pairs(*[(f"patient {n % 60}", None) for n in range(240)])
    splits = collections.defaultdict(set)
    for pair, split in zip(pairs, split_pairs(pairs, KEY), strict=True):
        splits[pair.patient].add(split)
    assert all(len(names) == 1 for names in splits.values())


def test_a_split_that_is_asked_for_wins_for_all_pairs_of_the_patient():
    pairs = _pairs(
        ("Ann", None), ("Ann", "test"), ("Bob", "train"), ("Cy", "validation")
    )
    assert split_pairs(pairs, KEY) == ["test", "test", "train", "validation"]


def test_a_split_left_out_on_purpose_may_be_empty():
    assert split_pairs(_pairs(("Ann", "test")), KEY) == ["test"]


def test_too_few_patients_for_the_hash_are_refused():
    with pytest.raises(InputError, match="split would be empty.*column split"):
        split_pairs(_pairs(("Ann", None), ("Bob", None)), KEY)


def _clinic(count):
    """Pairs of both eyes of patients, one in three seen twice."""
    categories = ("normal", "large_focal", "optic_disc")
    return [
        PairEntry(
            f"{number} {eye} {visit}",
            Path("f.png"),
            Path("a.png"),
            f"{number}",
            f"{number} {eye}",
            categories[number % 3],
        )
        for number in range(count)
        for eye in ("OD", "OS")
        for visit in range(1 + (number % 3 == 0))
    ]


@pytest.mark.parametrize("split_by", ["patient", "eye", "image"])
def test_what_the_data_are_split_by_is_never_torn_apart(split_by):
    pairs = _clinic(300)
    splits = split_pairs(pairs, KEY, split_by)
    of_unit = collections.defaultdict(set)
    for pair, split in zip(pairs, splits, strict=True):
        of_unit[pair.unit(split_by)].add(split)
    assert all(len(names) == 1 for names in of_unit.values())
    # What is larger than the unit is torn apart: the flag does something.
    patients = collections.defaultdict(set)
    for pair, split in zip(pairs, splits, strict=True):
        patients[pair.patient].add(split)
    torn = any(len(names) > 1 for names in patients.values())
    assert torn == (split_by != "patient")


def test_every_category_has_its_shares_up_to_chance():
    pairs = _clinic(3000)
    splits = split_pairs(pairs, KEY)
    for category in ("normal", "large_focal", "optic_disc"):
        patients = {
            pair.patient: split
            for pair, split in zip(pairs, splits, strict=True)
            if pair.category == category
        }
        count = collections.Counter(patients.values())
        # Five standard deviations of a binomial count of 1000.
        assert count["test"] == pytest.approx(200, abs=63)
        assert count["validation"] == pytest.approx(80, abs=43)


@pytest.mark.parametrize("split_by", ["patient", "eye", "image"])
def test_neither_patients_nor_pairs_that_join_move_others(split_by):
    before = dict(
        zip(_clinic(60), split_pairs(_clinic(60), KEY, split_by), strict=True)
    )
    more = _clinic(200)[::-1]
    after = dict(zip(more, split_pairs(more, KEY, split_by), strict=True))
    assert all(after[pair] == split for pair, split in before.items())


def test_a_closed_collection_has_exact_shares_in_every_category():
    pairs = _clinic(90)
    splits = split_pairs(pairs, KEY, closed=True)
    patients = {
        (pair.category, pair.patient, split)
        for pair, split in zip(pairs, splits, strict=True)
    }
    count = collections.Counter((c, split) for c, _, split in patients)
    for category in ("normal", "large_focal", "optic_disc"):
        assert count[category, "test"] == 6
        assert count[category, "validation"] == 2
        assert count[category, "train"] == 22


def test_a_category_that_chance_leaves_out_is_named():
    pairs = _clinic(3)
    notes = list(
        absent_categories(
            [dataclasses.replace(pair, split="train") for pair in pairs]
        )
    )
    assert notes[0].startswith("no large_focal pair is in the test split")
    assert len(notes) == 3


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path):
    path = tmp_path / "new" / "hash.key"
    key = read_key(path)
    assert len(key) >= 32
    assert read_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_key(tmp_path / "other.key") != key


def test_a_key_that_is_too_short_or_unreadable_is_refused(tmp_path):
    (tmp_path / "short.key").write_text("secret")
    with pytest.raises(InputError, match="short.key: .*fewer than 16"):
        read_key(tmp_path / "short.key")
    with pytest.raises(InputError, match="--key_file"):
        read_key(tmp_path)
