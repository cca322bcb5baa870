"""Look for one eye under two owners in the raw files, before any work.

A photograph that was saved again, cropped, turned or mirrored, or a second one
of the same eye, must not stand in two splits. Local features of every file are
sought among those of all others; where many agree by one similarity, the two
files are registered with each other, which decides.
"""

import dataclasses
import functools
import hashlib
import itertools
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ffa_keras.images.files import read_ffa, read_fundus
from ffa_keras.preparation.parallel import on_all_cores
from ffa_keras.registration import register_pair
from ffa_keras.registration.retina import field_of_view
from ffa_keras.registration.vessels import eroded, grey_levels

# Longer side at which features are sought, and how many of each file.
_SIDE = 480
_FEATURES = 300
_MARGIN = 12
_LIGHT_SIGMA = 20
# Nearest features of other files that are looked at; how many of them must
# lie in one file, and agree by one similarity, for the two to be registered.
_NEIGHBOURS = 3
_VOTES = 10
_AGREEING = 8
_REACH = 6.0
# Registrations at most, for each file: what bounds the time.
_PER_FILE = 2


@dataclasses.dataclass(frozen=True)
class RawImage:
    """A file and whose eye it is said to show.

    Attributes:
        path: of the file.
        owner: patient, or any other unit that no two splits may share.
        frame: of a DICOM file of several, which one; or `None`.
    """

    path: Path
    owner: str
    frame: int | None = None


@dataclasses.dataclass(frozen=True)
class SharedImage:
    """Two files of two owners that show one eye.

    Attributes:
        kind: what they share.
        first: one file.
        second: the other.
    """

    kind: str
    first: Path
    second: Path


@dataclasses.dataclass(frozen=True)
class _Features:
    """Of one file.

    Attributes:
        digest: SHA-256 of its pixels.
        sides: points xy [N, 2] and descriptors [N, 128] of the image as it is,
            and of its mirror image.
    """

    digest: bytes
    sides: list[tuple[np.ndarray, np.ndarray]]


def find_shared_images(
    images: Sequence[RawImage], ffa: bool = False, workers: int = 0
) -> list[SharedImage]:
    """Find files of different owners that show the same eye.

    Args:
        images: all photographs, or all angiograms, of a collection; readable.
        ffa: whether they are angiograms.
        workers: processes; 0 for one on each core.

    Returns:
        What is shared, in the order of the files.
    """
    name = "FFA" if ffa else "photograph"
    features = on_all_cores(
        functools.partial(_features, ffa=ffa),
        images,
        f"comparing {name}s",
        workers,
    )
    owners = np.array([image.owner for image in images])
    found = dict.fromkeys(_identical(features, owners), f"identical {name}")
    candidates = [
        pair for pair in _candidates(features, owners) if pair[:2] not in found
    ][: _PER_FILE * len(images)]
    same = on_all_cores(
        functools.partial(_same_eye, ffa=ffa),
        [(images[i], images[j], mirrored) for i, j, mirrored in candidates],
        f"registering similar {name}s",
        workers,
    )
    for (i, j, _), agreed in zip(candidates, same, strict=True):
        if agreed:
            found.setdefault((i, j), f"same eye in two {name}s")
    return [
        SharedImage(kind, images[i].path, images[j].path)
        for (i, j), kind in sorted(found.items())
    ]


def _read(file: RawImage, ffa: bool) -> np.ndarray:
    """Return uint8 [H, W], dark vessels on a bright retina in both kinds."""
    if not ffa:
        return read_fundus(file.path, frame=file.frame)[..., 1]
    image = read_ffa(file.path, frame=file.frame)[..., 0]
    return np.where(field_of_view(image), 255 - image, 0).astype(np.uint8)


def _features(file: RawImage, ffa: bool) -> _Features:
    image = _read(file, ffa)
    digest = hashlib.sha256(repr(image.shape).encode() + image.tobytes())
    inside = field_of_view(image)
    scale = _SIDE / max(image.shape)
    grey = grey_levels(image, scale)
    inside = cv2.resize(inside.astype(np.uint8), grey.shape[::-1]) > 0
    weight = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), _LIGHT_SIGMA)
    light = cv2.GaussianBlur(grey * inside, (0, 0), _LIGHT_SIGMA)
    flat = grey * np.maximum(weight, 1e-3) / np.maximum(light, 1e-3)
    flat = np.where(inside, flat, 1)
    picture = np.clip(flat * 128, 0, 255).astype(np.uint8)
    inner = eroded(inside, _MARGIN)
    sides = []
    for step in (1, -1):
        mask = np.ascontiguousarray(inner[:, ::step]).astype(np.uint8)
        detector = cv2.SIFT.create(_FEATURES, contrastThreshold=0.01)
        points, found = detector.detectAndCompute(
            np.ascontiguousarray(picture[:, ::step]), mask
        )
        places = np.array([p.pt for p in points], np.float32).reshape(-1, 2)
        descriptors = np.zeros((0, 128), np.float32)
        if found is not None:
            descriptors = np.sqrt(found / np.maximum(found.sum(1), 1)[:, None])
        sides.append((places, descriptors))
    return _Features(digest.digest(), sides)


def _identical(
    features: Sequence[_Features], owners: np.ndarray
) -> list[tuple[int, int]]:
    """Return the pairs of files whose pixels are the same."""
    files: dict[bytes, list[int]] = {}
    for number, feature in enumerate(features):
        files.setdefault(feature.digest, []).append(number)
    return [
        (i, j)
        for alike in files.values()
        for i, j in itertools.combinations(alike, 2)
        if owners[i] != owners[j]
    ]


def _candidates(
    features: Sequence[_Features], owners: np.ndarray
) -> list[tuple[int, int, bool]]:
    """Return files that may show one eye, and whether one is mirrored.

    The most features that agree first.
    """
    plain = [feature.sides[0] for feature in features]
    sizes = [len(points) for points, _ in plain]
    files = np.repeat(np.arange(len(features)), sizes)
    if len(np.unique(files)) < 2:
        return []
    rows = np.concatenate([np.arange(size) for size in sizes])
    everything = np.concatenate([descriptors for _, descriptors in plain])
    index = cv2.flann.Index(everything, {"algorithm": 1, "trees": 4})
    best: dict[tuple[int, int, bool], int] = {}
    for number, feature in enumerate(features):
        for side, (points, wanted) in enumerate(feature.sides):
            if not len(points):
                continue
            near, _ = index.knnSearch(
                wanted, min(_NEIGHBOURS + 1, len(files)), params={"checks": 48}
            )
            queries = np.repeat(np.arange(len(points)), near.shape[1])
            near = near.ravel()
            other = owners[files[near]] != owners[number]
            queries, near = queries[other], near[other]
            votes = np.bincount(files[near], minlength=1)
            for match in np.flatnonzero(votes >= _VOTES).tolist():
                chosen = files[near] == match
                agreeing = _agreeing(
                    points[queries[chosen]],
                    plain[match][0][rows[near[chosen]]],
                )
                pair = (min(number, match), max(number, match), side == 1)
                best[pair] = max(best.get(pair, 0), agreeing)
    enough = [pair for pair, count in best.items() if count >= _AGREEING]
    return sorted(enough, key=lambda pair: -best[pair])


def _agreeing(points: np.ndarray, others: np.ndarray) -> int:
    """Return how many matches agree by one similarity."""
    _, inliers = cv2.estimateAffinePartial2D(
        points, others, ransacReprojThreshold=_REACH, maxIters=500
    )
    return 0 if inliers is None else int(inliers.sum())


def _same_eye(pair: tuple[RawImage, RawImage, bool], ffa: bool) -> bool:
    """Say whether two files register with each other."""
    first, second, mirrored = pair
    one, other = _read(first, ffa), _read(second, ffa)
    if mirrored:
        one = np.ascontiguousarray(one[:, ::-1])
    return register_pair(one, other).accepted
