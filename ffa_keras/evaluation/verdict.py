"""Whether a system draws vessels better than a few lines of OpenCV do."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ffa_keras.evaluation.classical import CLASSICAL
from ffa_keras.evaluation.results import ImageScores, owners_of, scores_of
from ffa_keras.evaluation.statistics import (
    LEAST_PATIENTS,
    mean_with_interval,
    paired_difference,
)

_METRIC = "vessel_auc"


def vessels_beside_classical(
    images: Mapping[str, Sequence[ImageScores]], systems: Iterable[str]
) -> dict[str, str]:
    """Say of systems whether their vessels beat the best classical picture.

    The best is the one of the highest mean on the same eyes, which flatters it
    a little. "Ahead" and "behind" need an interval that leaves out 0.

    Args:
        images: by the name of the system, classical pictures among them, one
            a pair.
        systems: of which to say it.

    Returns:
        A sentence by the name of the system; none where vessels were not
        judged or there are no classical pictures.
    """
    classical = [name for name in CLASSICAL if name in images]
    if not classical or _METRIC not in images[classical[0]][0].scores:
        return {}
    owners = owners_of(images[classical[0]])
    values = {name: scores_of(images[name], _METRIC) for name in classical}
    means = {n: mean_with_interval(v, *owners).mean for n, v in values.items()}
    best = max(means, key=lambda name: means[name])
    told = {}
    for system in systems:
        own = scores_of(images[system], _METRIC)
        other = np.repeat(values[best], len(own), axis=0)
        found = paired_difference(own, other, *owners)
        mean = mean_with_interval(own, *owners).mean
        if not math.isfinite(found.mean):
            continue
        extent = f"by {found.mean:+.3f}"
        if math.isfinite(found.low):
            extent += f" ({found.low:+.3f} to {found.high:+.3f})"
            ahead, behind = found.low > 0, found.high < 0
            verdict = "is neither ahead of nor behind"
            if ahead or behind:
                verdict = "is ahead of" if ahead else "is behind"
        else:
            verdict = "cannot be told from"
            extent += f", with fewer than {LEAST_PATIENTS} patients"
        told[system] = (
            f"AUC {mean:.3f}, which {verdict} the best classical picture,"
            f" {best}, {means[best]:.3f}, {extent}"
        )
    return told
