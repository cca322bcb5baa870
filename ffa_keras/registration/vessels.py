"""Maps of the vessels: what a photograph and its FFA have in common."""

import cv2
import numpy as np

from ffa_keras.registration.curvature import curvatures, hessian

_RIDGE_SIGMAS = (1.5, 2.5, 3.5)
_POLARITY_SIGMA = 2.5
_FILL_SIGMA = 20
# Keypoints need ridges as they are.
_FINE = (1,)
_RIM = 10
_NOISE_MEDIANS = 2
# Grey levels; the faintest 8-bit step is 1.
_LEAST_RIDGE = 0.1
_CREST_STRENGTH = 0.5
_CREST_PIXELS = 12


def grey_levels(image: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """Return the channel that shows the vessels best, brightest value 255.

    Args:
        image: [H, W], [H, W, 1] or, in RGB, [H, W, 3]; any numeric type.
        scale: by which to resize it.

    Returns:
        float32 [H·scale, W·scale]; the green channel of a colour image.
    """
    if image.ndim == 3:
        image = image[..., 1 if image.shape[-1] >= 3 else 0]
    if image.dtype != np.uint8:
        image = np.nan_to_num(image.astype(np.float32))
    if scale != 1:
        height, width = (max(1, round(n * scale)) for n in image.shape)
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        image = cv2.resize(image, (width, height), interpolation=method)
    return image * np.float32(255 / max(float(image.max()), 1e-6))


def eroded(mask: np.ndarray, margin: int) -> np.ndarray:
    """Shrink a mask by a margin in pixels, the frame's edge included."""
    tool = cv2.getStructuringElement(
        cv2.MORPH_ELLIPSE, (2 * margin + 1, 2 * margin + 1)
    )
    return (
        cv2.erode(
            mask.astype(np.uint8),
            tool,
            borderType=cv2.BORDER_CONSTANT,
            borderValue=0,
        )
        > 0
    )


def vessel_polarity(grey: np.ndarray, mask: np.ndarray) -> int:
    """Guess whether the vessels are bright (+1) or dark (-1).

    Args:
        grey: float32 [H, W], grey levels.
        mask: bool [H, W], the retina.

    Returns:
        The sign whose ridges have the higher 97th percentile.
    """
    inner = eroded(mask, _RIM)
    if not inner.any():
        return 1
    filled = _filled(grey, mask)
    bright, dark = (
        np.percentile(_ridges(sign * filled, _POLARITY_SIGMA)[inner], 97)
        for sign in (1, -1)
    )
    return 1 if bright >= dark else -1


def vessel_map(grey: np.ndarray, mask: np.ndarray, polarity: int) -> np.ndarray:
    """Return the strength of vessel-like ridges.

    The least eigenvalue of the scale-normalised Hessian at three scales, its
    sign turned, less twice the median of its scale, where there is but noise;
    the greatest of the scales, over its 99th percentile.

    Args:
        grey: float32 [H, W], grey levels.
        mask: bool [H, W], the retina.
        polarity: +1 for bright vessels, -1 for dark ones.

    Returns:
        float32 [H, W] in [0, 1]; 0 near and outside the rim of the retina.
    """
    filled = polarity * _filled(grey, mask)
    inner = eroded(mask, _RIM)
    strength = np.zeros(grey.shape, np.float32)
    if not inner.any():
        return strength
    for sigma in _RIDGE_SIGMAS:
        ridges = _ridges(filled, sigma)
        noise = np.float32(_NOISE_MEDIANS * np.median(ridges[inner]))
        np.maximum(strength, ridges - noise, out=strength)
    strength[~inner] = 0
    full = float(np.percentile(strength[inner], 99))
    if full < _LEAST_RIDGE:
        return np.zeros_like(strength)
    return np.clip(strength / np.float32(full), 0, 1)


def centreline(vessels: np.ndarray) -> np.ndarray:
    """Thin a vessel map to the crests of its clear ridges.

    Args:
        vessels: float32 [H, W] in [0, 1].

    Returns:
        bool [H, W]: crests of strength 1/2 that run on for 12 pixels; what is
        fainter or shorter may be noise.
    """
    xx, yy, xy = hessian(vessels, 1, _FINE)
    smooth = cv2.GaussianBlur(vessels, (0, 0), 1)
    # Direction across the ridge: the eigenvector of the least eigenvalue.
    angle = 0.5 * np.arctan2(2 * xy, xx - yy) + np.pi / 2
    rows, columns = np.indices(smooth.shape, np.float32)
    step_x, step_y = np.cos(angle), np.sin(angle)
    sides = [
        cv2.remap(
            smooth,
            columns + sign * step_x,
            rows + sign * step_y,
            cv2.INTER_LINEAR,
        )
        for sign in (1, -1)
    ]
    crest = (smooth > sides[0]) & (smooth >= sides[1])
    crest &= vessels >= _CREST_STRENGTH
    _, labels, figures, _ = cv2.connectedComponentsWithStats(
        crest.astype(np.uint8), connectivity=8
    )
    return crest & (figures[:, cv2.CC_STAT_AREA] >= _CREST_PIXELS)[labels]


def _filled(grey: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Continue the retina beyond its rim, so that the rim is no edge."""
    inside = mask.astype(np.float32)
    weight = cv2.GaussianBlur(inside, (0, 0), _FILL_SIGMA)
    level = cv2.GaussianBlur(grey * inside, (0, 0), _FILL_SIGMA)
    mean = float(grey[mask].mean()) if mask.any() else 0.0
    around = np.where(weight > 1e-3, level / np.maximum(weight, 1e-3), mean)
    return np.where(mask, grey, around).astype(np.float32)


def _ridges(image: np.ndarray, sigma: float) -> np.ndarray:
    """Return the strength of bright ridges of a width, float32 [H, W]."""
    least, _ = curvatures(*hessian(image, sigma, _FINE))
    return np.maximum(-least, 0) * np.float32(sigma**2)
