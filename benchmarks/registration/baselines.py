"""What registration is compared with: classical ways and a rival package."""

import importlib
from collections.abc import Callable

import cv2
import numpy as np

from ffa_keras.registration.matching import mutual_matches
from ffa_keras.registration.retina import field_of_view
from ffa_keras.registration.transform import pixel_grid
from ffa_keras.registration.vessels import (
    grey_levels,
    vessel_map,
    vessel_polarity,
)

# Maps RGB fundus and FFA to the 3x3 matrix, fundus xy → FFA xy, or `None`.
Baseline = Callable[[np.ndarray, np.ndarray], np.ndarray | None]


def rootsift_on_raw(fundus: np.ndarray, ffa: np.ndarray) -> np.ndarray | None:
    """RootSIFT of the green channel and the FFA, ratio 0.9, RANSAC affine."""
    return _rootsift(grey_levels(fundus), grey_levels(ffa))


def rootsift_on_vessels(
    fundus: np.ndarray, ffa: np.ndarray
) -> np.ndarray | None:
    """RootSIFT of the vessel maps, ratio 0.9, RANSAC affine."""
    return _rootsift(255 * _vessels(fundus, -1), 255 * _vessels(ffa, 0))


def mutual_information(
    fundus: np.ndarray, ffa: np.ndarray
) -> np.ndarray | None:
    """SimpleITK's Mattes mutual information, affine, from the identity."""
    sitk = importlib.import_module("SimpleITK")
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    fixed, moving = (
        sitk.GetImageFromArray(grey_levels(image)) for image in (ffa, fundus)
    )
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(50)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(0.2, 1)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(4.0, 0.001, 300)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([8, 4, 2, 1])
    method.SetSmoothingSigmasPerLevel([4, 2, 1, 0])
    centre = (np.array(ffa.shape[1::-1]) - 1) / 2
    start = sitk.AffineTransform(2)
    start.SetCenter(centre.tolist())
    method.SetInitialTransform(start, inPlace=True)
    try:
        method.Execute(fixed, moving)
    except RuntimeError:  # The images drifted apart.
        return None
    back = np.eye(3)
    back[:2, :2] = np.reshape(start.GetMatrix(), (2, 2))
    back[:2, 2] = centre + start.GetTranslation() - back[:2, :2] @ centre
    return np.linalg.inv(back)


def retinalysis(fundus: np.ndarray, ffa: np.ndarray) -> np.ndarray | None:
    """The package retinalysis-registration as it comes.

    It looks for dark vessels, so the FFA is inverted. Its transform may be
    quadratic; here the matrix nearest to it.
    """
    package = importlib.import_module("rtnls_registration")
    found = package.Registration()(fundus, 255 - ffa)
    height, width = fundus.shape[:2]
    xy = pixel_grid((height, width))[::16, ::16].reshape(-1, 2)
    matrix, _ = cv2.findHomography(xy, found.apply(xy), 0)
    return matrix


BASELINES: dict[str, Baseline] = {
    "RootSIFT, raw": rootsift_on_raw,
    "RootSIFT, vessel maps": rootsift_on_vessels,
    "mutual information": mutual_information,
    "retinalysis-registration": retinalysis,
}
# What a baseline needs that the project does not.
PACKAGES = {
    "mutual information": "SimpleITK",
    "retinalysis-registration": "rtnls_registration",
}


def _vessels(image: np.ndarray, polarity: int) -> np.ndarray:
    grey = grey_levels(image)
    mask = field_of_view(grey)
    return vessel_map(grey, mask, polarity or vessel_polarity(grey, mask))


def _rootsift(fundus: np.ndarray, ffa: np.ndarray) -> np.ndarray | None:
    sift = cv2.SIFT.create(nfeatures=2000, contrastThreshold=0.01)
    found = [
        sift.detectAndCompute(image.astype(np.uint8), None)
        for image in (fundus, ffa)
    ]
    if any(descriptors is None for _, descriptors in found):
        return None
    roots = [
        np.sqrt(d / np.maximum(d.sum(1, keepdims=True), 1e-9)) for _, d in found
    ]
    pairs = mutual_matches(roots[0], roots[1], 0.9)
    source, target = (
        np.array([point.pt for point in points])[pairs[:, side]]
        for side, (points, _) in enumerate(found)
    )
    if len(source) < 3:
        return None
    matrix, _ = cv2.estimateAffine2D(
        source, target, ransacReprojThreshold=8.0, maxIters=5000
    )
    return None if matrix is None else np.vstack([matrix, [0, 0, 1]])
