"""What predictions are judged by, image by image.

A measure stands beside its function, with the metrics that it computes; here
they come together, in the order of the report's tables.
"""

from ffa_keras.evaluation.measures.base import (
    Eye,
    Measure,
    Metric,
    Scores,
    metrics_of,
)
from ffa_keras.evaluation.measures.exposure import EXPOSURE
from ffa_keras.evaluation.measures.leakage import LEAKAGE
from ffa_keras.evaluation.measures.pixels import PIXELS
from ffa_keras.evaluation.measures.vessels import VESSELS

__all__ = ["MEASURES", "Eye", "Measure", "Metric", "Scores", "metrics_of"]

MEASURES = (PIXELS, EXPOSURE, VESSELS, LEAKAGE)
