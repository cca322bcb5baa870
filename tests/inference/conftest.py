"""A generator that is loaded in a moment."""

import keras
import pytest

from ffa_keras.models import ResnetGenerator


@pytest.fixture(scope="session")
def keras_file(tmp_path_factory):
    """A `.keras` file of a tiny generator whose answers have contrast."""
    keras.utils.set_random_seed(3)
    generator = ResnetGenerator(num_filters=4, num_blocks=1)
    generator.build((None, None, None, 3))
    for weight in generator.weights:
        if weight.path.endswith("kernel"):
            weight.assign(5 * weight)
    file = tmp_path_factory.mktemp("model") / "generator.keras"
    generator.save(file)
    return file
