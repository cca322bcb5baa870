"""Smaller kinds of TFLite file answer as Keras does, or are not written."""

import json
import re
import zipfile

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from ai_edge_litert.tools import flatbuffer_utils

from export import to_tflite as tflite
from export.agreement import BOUNDS, compare
from export.equalize import equalize
from export.operators import count_operators
from ffa_keras.errors import InputError
from ffa_keras.models import InstanceNormalization, ResnetGenerator
from ffa_keras.phantom import make_pair
from ffa_keras.translation.forms import load_translator
from ffa_keras.translation.run_folder import load_generator


@pytest.fixture(scope="module", params=["float16", "dynamic"])
def kind(request, trained_run, tmp_path_factory):
    file = tmp_path_factory.mktemp("kinds") / "ffa.tflite"
    tflite.export_tflite(trained_run, file, request.param)
    return request.param, file


def test_every_kind_takes_sizes_it_was_not_made_with(trained_run, kind):
    precision, file = kind
    photographs = [make_pair(9, "large_focal", 256).fundus[:201, :162]]
    agreement = compare(
        load_generator(trained_run), load_translator(file), photographs
    )
    assert agreement.psnr > BOUNDS[precision]
    assert agreement.ssim > 0.97


SIZES = [(64, 80), (61, 50)]


@pytest.fixture(scope="module")
def sized(uneven_generator, tmp_path_factory):
    """A file with signatures of two sizes, one no multiple of 4."""
    file = tmp_path_factory.mktemp("sized") / "ffa.tflite"
    content = tflite.convert(uneven_generator, "float32", [], SIZES)
    file.write_bytes(content)
    return file


@pytest.mark.parametrize("size", [*SIZES, (62, 50)])
def test_signatures_of_a_size_answer_as_keras_does(
    sized, uneven_generator, size
):
    height, width = size
    fundus = make_pair(1, "normal", 128).fundus[:height, :width]
    agreement = compare(uneven_generator, load_translator(sized), [fundus])
    assert agreement.worst <= 1


def test_a_photograph_of_a_size_goes_to_its_signature(sized, monkeypatch):
    asked = []
    runner = Interpreter.get_signature_runner

    def noted(self, signature):
        asked.append(signature)
        return runner(self, signature)

    monkeypatch.setattr(Interpreter, "get_signature_runner", noted)
    translate = load_translator(sized)
    asked.clear()
    translate(np.zeros((61, 50, 3), np.uint8))
    assert asked == ["serving_default_50x61"]


def test_of_known_size_xnnpack_takes_every_operator(sized):
    counts = count_operators(sized)
    for height, width in SIZES:
        found = counts[f"serving_default_{width}x{height}"]
        left = {n: c for n, c in found.items() if c[0] < c[1]}
        assert found["CONV_2D"] == (6, 6)
        assert not left
    assert counts["serving_default"]["MIRROR_PAD"][0] == 0


def test_sizes_share_the_weights(sized, uneven_generator):
    weights = 4 * uneven_generator.count_params()
    alone = len(tflite.convert(uneven_generator, "float32", []))
    assert sized.stat().st_size < alone + 0.5 * weights * len(SIZES)


@pytest.mark.parametrize(
    "text",
    ["8x512", *(pytest.param(t, marks=pytest.mark.slow)
                for t in ("512", "9999x9999", "axb"))],
)  # fmt: skip
def test_a_size_that_is_none_is_refused(run_program, tmp_path, text):
    done = run_program(
        "-m", "export.tflite", "--run_dir=x", f"--output={tmp_path}/a.tflite",
        f"--sizes={text}", check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert f"--sizes={text}: write WIDTHxHEIGHT" in done.stderr


def test_a_file_says_what_it_is_to_anyone(kind):
    """`unzip` reads it; the model before it is whole."""
    precision, file = kind
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        about = json.loads(archive.read("metadata.json"))
    assert about["Title"] == "Synthetic FFA"
    assert about["Precision"] == precision
    assert re.match(r"\d+\.\d dB from Keras", about["Agreement"])
    assert about["Generator"].startswith("Keras, SHA-256 ")
    details = Interpreter(str(file)).get_signature_runner(about["Signature"])
    (fundus,) = details.get_input_details()
    (ffa,) = details.get_output_details()
    assert [fundus] == list(about["Inputs"])
    assert [ffa] == list(about["Outputs"])


@pytest.fixture(scope="module")
def uneven_generator():
    """Answers of high contrast; of four channels one drowns the others."""
    keras.utils.set_random_seed(0)
    generator = ResnetGenerator(num_filters=8, num_blocks=1)
    generator.build((None, None, None, 3))
    for layer in generator.network.layers:
        if hasattr(layer, "kernel"):
            layer.kernel.assign(5 * layer.kernel)
    for layer in generator.network.layers[1:10:4]:
        loud = np.arange(layer.kernel.shape[-1]) % 4 == 0
        layer.kernel.assign(layer.kernel * np.where(loud, 30.0, 1.0))
    return generator


def _int8_file(generator, patches, folder):
    file = folder / "int8.tflite"
    file.write_bytes(tflite.convert(generator, "int8", patches))
    return file


def _answer_types(file):
    """Return the type of what each convolution answers."""
    model = flatbuffer_utils.read_model(str(file))
    (graph,) = model.subgraphs
    return [
        flatbuffer_utils.type_to_name(graph.tensors[node.outputs[0]].type)
        for node in graph.operators
        if flatbuffer_utils.opcode_to_name(model, node.opcodeIndex)
        in ("CONV_2D", "TRANSPOSE_CONV")
    ]


def test_int8_is_8_bits_a_weight_and_owes_its_accuracy_to_equalizing(
    uneven_generator, tmp_path
):
    fundus = make_pair(2, "normal", 128).fundus
    patches = [fundus[None].astype(np.float32)]
    wanted = keras.models.clone_model(uneven_generator)
    wanted.build((None, None, None, 3))
    wanted.set_weights(uneven_generator.get_weights())
    plain = _int8_file(uneven_generator, patches, tmp_path)
    before = compare(wanted, load_translator(plain), [fundus]).psnr
    equalize(uneven_generator, patches)
    file = _int8_file(uneven_generator, patches, tmp_path)
    after = compare(wanted, load_translator(file), [fundus]).psnr
    # 12 to 16 dB for any of eight seeds.
    assert after > before + 6
    # All convolutions but those at full and at half resolution.
    assert sorted(_answer_types(file)) == 5 * ["FLOAT32"] + 3 * ["INT8"]
    # 8 bits a weight of these, 32 of the others.
    outer = [x for x in wanted.network.layers if hasattr(x, "kernel")]
    del outer[2]
    floats = sum(layer.count_params() for layer in outer)
    assert file.stat().st_size < wanted.count_params() + 3 * floats + 60_000


def test_a_file_that_strays_is_not_written(trained_run, tmp_path, monkeypatch):
    monkeypatch.setitem(BOUNDS, "dynamic", 400.0)
    with pytest.raises(InputError, match="at least 400 dB wanted"):
        tflite.export_tflite(trained_run, tmp_path / "ffa.tflite", "dynamic")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("loudness", [0.3, 1, 5])
def test_equalizing_changes_kernels_but_not_answers(loudness):
    """Not even where epsilon weighs as much as the variance."""
    keras.utils.set_random_seed(0)
    generator = ResnetGenerator(num_filters=4, num_blocks=1)
    generator.build((None, None, None, 3))
    for weight in generator.weights:
        if weight.path.endswith("kernel"):
            weight.assign(loudness * weight)
    head = generator.network.layers[-2]
    head.kernel.assign(20 / loudness * head.kernel)
    fundus = make_pair(2, "normal", 128).fundus[None].astype("float32")
    network = fundus / 127.5 - 1
    before = generator(network).numpy()
    assert before.std() > 0.1
    equalize(generator, [fundus])
    np.testing.assert_allclose(generator(network), before, atol=0.5 / 127.5)
    norms = zip(
        generator.network.layers, generator.network.layers[1:], strict=False
    )
    x = network
    for layer, following in norms:
        x = layer(x)
        if isinstance(following, InstanceNormalization):
            deviations = np.std(x, axis=(0, 1, 2))
            assert deviations.max() < 1.5 * deviations.min()
