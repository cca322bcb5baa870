"""The two cameras: field of view, light, optics, sensor and file.

No two clinics photograph alike. Spreads follow real photographs and
angiograms; `python -m benchmarks.phantom_realism` sets them side by side.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from ffa_keras.phantom.fields import blurred, smooth_noise

# Of photographs: shares that are grey, by a green filter or an infrared laser.
_RED_FREE, _INFRARED = 0.05, 0.04


def field_of_view(rng: np.random.Generator, size: int) -> np.ndarray:
    """Draw a camera's field: the whole frame, a disc, or a cut disc.

    Args:
        rng: source of randomness.
        size: side of the frame, pixels.

    Returns:
        float32 array [S, S], 1 inside, soft by a pixel.
    """
    kind, tab = rng.random(), rng.random() < 0.5
    radius, offset = rng.uniform(0.475, 0.49), rng.normal(0, 0.005, 2)
    corner = rng.choice((-1, 1)) * rng.uniform(0.6, 0.9)
    height = rng.uniform(0.36, 0.46)
    if kind < 0.15:
        return np.ones((size, size), np.float32)
    x, y = _offsets(size)
    x, y = x - np.float32(offset[0]), y - np.float32(offset[1])
    depth = radius - np.hypot(x, y)
    if kind > 0.55:
        radius *= 1.05
        depth = np.minimum(depth + 0.05 * radius, height - np.abs(y))
    if tab:
        # The notch that tells which way is up.
        at = radius * np.cos(corner), radius * np.sin(corner)
        notch = 0.022 - np.hypot(x - np.float32(at[0]), y - np.float32(at[1]))
        depth = np.maximum(depth, notch)
    return (depth * size + 0.5).clip(0, 1).astype(np.float32)


def photograph(
    rng: np.random.Generator, light: np.ndarray, field: np.ndarray
) -> np.ndarray:
    """Return what a colour camera makes of the light.

    Args:
        rng: source of randomness.
        light: float32 [S, S, 3], RGB in [0, 1].
        field: float32 [S, S], from `field_of_view`.

    Returns:
        uint8 [S, S, 3].
    """
    size = field.shape[0]
    planes = [np.ascontiguousarray(light[..., i]) for i in range(3)]
    _shade(rng, planes, size)
    _veil(rng, planes, size)
    grey = rng.random()
    gains = np.exp(
        rng.normal(-0.14, 0.2) + rng.normal((0, 0, -0.05), (0.1, 0.07, 0.2))
    )
    if grey < _RED_FREE + _INFRARED:
        planes = [_grey_light(planes, infrared=grey > _RED_FREE)] * 3
        gains[:] = rng.uniform(0.6, 1.15)
    gamma = np.exp(rng.normal(0, 0.16))
    image = cv2.merge(
        [
            np.float32(gain) * cv2.pow(np.maximum(p, 0), gamma)
            for gain, p in zip(gains, planes, strict=True)
        ]
    )
    surround = rng.uniform(0, 8) if rng.random() < 0.3 else 0.0
    image = blurred(image, rng.uniform(0.0004, 0.0014), size, 0.3)
    image += _grain(rng, size, 3, np.exp(rng.uniform(*np.log((0.004, 0.02)))))
    image *= field[..., None]
    image += np.float32(surround / 255) * (1 - field[..., None])
    quality = int(rng.integers(30, 96))
    picture = np.rint(255 * image.clip(0, 1)).astype(np.uint8)
    return _compressed(picture, quality)


def angiogram(
    rng: np.random.Generator, light: np.ndarray, field: np.ndarray
) -> np.ndarray:
    """Return what an angiograph makes of the light.

    Args:
        rng: source of randomness.
        light: float32 [S, S] in [0, 1].
        field: float32 [S, S], from `field_of_view`.

    Returns:
        uint8 [S, S], black outside the field.
    """
    size = field.shape[0]
    x, y = _offsets(size, rng.normal(0, 0.08, 2))
    loss = 1.06 - np.float32(rng.uniform(0.6, 1.5)) * (x**2 + y**2)
    gain = np.float32(np.exp(rng.normal(0, 0.16)))
    image = gain * light * loss
    image = blurred(image, rng.uniform(0.0006, 0.0012), size, 0.3)
    noise = _grain(rng, size, 1, rng.uniform(0.008, 0.026))
    image += noise * np.sqrt(np.maximum(image, 0.02))
    return np.rint(255 * (image * field).clip(0, 1)).astype(np.uint8)


def _shade(
    rng: np.random.Generator, planes: list[np.ndarray], size: int
) -> None:
    """Dim the rim, light one side more, and let stray light in at the rim."""
    x, y = _offsets(size, rng.normal(0, 0.07, 2))
    off_axis = x**2 + y**2
    # The edge is dimmer and often of another hue.
    losses = rng.uniform(0.3, 1.4) * rng.normal((1.1, 1.0, 0.9), 0.2)
    angle, slope = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.3)
    side = x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle))
    slopes = 2 * slope * rng.normal(1, 0.15, 3)
    patchy = 0.07 * rng.random() * smooth_noise(rng, size, 0.35 * size)
    for plane, loss, lean in zip(planes, losses, slopes, strict=True):
        plane *= 1.04 - off_axis * np.float32(loss) + side * np.float32(lean)
        plane *= 1 + patchy
    if rng.random() < 0.25:
        # Full at the rim of the field; the corners beyond it get no more.
        near = np.exp(((side - 0.49) / 0.05).clip(-30, 0))
        glare = rng.uniform(0.05, 0.3) * near
        colour = rng.uniform((0.5, 0.6, 0.3), (1.0, 1.0, 1.0))
        for plane, part in zip(planes, colour, strict=True):
            plane += np.float32(part) * glare


def _veil(
    rng: np.random.Generator, planes: list[np.ndarray], size: int
) -> None:
    """Scatter light, as a cloudy lens does, denser in some places."""
    hazy, height = rng.random() < 0.3, rng.uniform(0.05, 0.4)
    if not hazy:
        return
    density = 1 + 0.35 * smooth_noise(rng, size, 0.4 * size)
    density = (height * density).clip(0, 0.6)
    for plane, white in zip(planes, (0.0, 0.12, 0.14), strict=True):
        far = cv2.resize(
            cv2.GaussianBlur(
                cv2.resize(plane, (64, 64), interpolation=cv2.INTER_AREA),
                (0, 0),
                6,
            ),
            (size, size),
            interpolation=cv2.INTER_CUBIC,
        )
        plane += density * (far + np.float32(white) - plane)


def _grey_light(planes: list[np.ndarray], infrared: bool) -> np.ndarray:
    """Return a grey photograph's light: green, or infrared: a dark disc."""
    red, green, _ = planes
    if not infrared:
        return green * np.float32(1.1)
    paleness = (green / np.maximum(red, 0.02) - 0.55).clip(0, 0.4)
    return (0.3 * red + 0.5 * green + 0.12) * (1 - 1.7 * paleness)


def _grain(
    rng: np.random.Generator, size: int, channels: int, noise: float
) -> np.ndarray:
    """Return noise of the given standard deviation, as wide as a sensor's."""
    soft = rng.uniform(0.3, 0.9)
    grain = rng.standard_normal((size, size, channels), dtype=np.float32)
    blurred = cv2.GaussianBlur(grain, (0, 0), soft)
    # What the blur leaves of the standard deviation of white noise.
    taps = cv2.getGaussianKernel(int(2 * round(4 * soft) + 1), soft)
    kept = float(np.sum(taps**2))
    return np.asarray(blurred, np.float32) * np.float32(noise / kept)


def _compressed(picture: np.ndarray, quality: int) -> np.ndarray:
    _, data = cv2.imencode(
        ".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(decoded[..., ::-1])


def _offsets(
    size: int, centre: Sequence[float] | np.ndarray = (0.0, 0.0)
) -> tuple[np.ndarray, np.ndarray]:
    """Return x [1, S] and y [S, 1] from the centre, in sides."""
    at = (np.arange(size, dtype=np.float32) - (size - 1) / 2) / size
    x, y = (at - np.float32(c) for c in centre)
    return x[None, :], y[:, None]
