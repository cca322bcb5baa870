"""`ffa_keras.preparation.manifest`, under its name of before."""

from ffa_keras.preparation.entry import *  # noqa: F403
from ffa_keras.preparation.manifest import *  # noqa: F403
from ffa_keras.records.schema import *  # noqa: F403
