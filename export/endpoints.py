"""Names of the endpoints and of their tensors.

The one source for the SavedModel, the TFLite file, the clients and their
tests; it needs no TensorFlow.
"""

from ffa_keras.translation.endpoint import SERVING_DEFAULT as SERVING_DEFAULT

FUNDUS = "fundus"
FFA = "ffa"
SALIENCY = "saliency"
# TensorFlow Serving sends strings as base64 where a name ends in `_bytes`.
FUNDUS_BYTES = "fundus_bytes"
FFA_BYTES = "ffa_bytes"

NETWORK = "network"
ENCODED = "encoded"
WITH_SALIENCY = "with_saliency"

# Of the weights as stored, a SavedModel has the first two; int8: of the
# arithmetic too.
PRECISIONS = ("float32", "float16", "dynamic", "int8")
