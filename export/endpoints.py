"""Names of the endpoints and of their tensors.

The one source for the SavedModel, the TFLite file, the clients and their
tests; it needs no TensorFlow.
"""

FUNDUS = "fundus"
FFA = "ffa"
SALIENCY = "saliency"
# TensorFlow Serving sends strings as base64 where a name ends in `_bytes`.
FUNDUS_BYTES = "fundus_bytes"
FFA_BYTES = "ffa_bytes"

SERVING_DEFAULT = "serving_default"
NETWORK = "network"
ENCODED = "encoded"
WITH_SALIENCY = "with_saliency"
