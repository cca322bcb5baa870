"""Exported generators answer with the generator's own values."""

import json
import re
import struct
import subprocess
import sys
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from export.agreement import BOUNDS, compare
from export.metadata import add_metadata, describe
from export.signatures import ExportedGenerator
from export.to_saved_model import export_saved_model
from export.to_tflite import convert, export_tflite
from ffa_keras.errors import InputError
from ffa_keras.models import ResnetGenerator
from ffa_keras.ops import from_grey_levels, saliency_map, to_grey_levels
from ffa_keras.phantom import make_pair
from ffa_keras.sums import check_sums
from ffa_keras.translation.forms import load_translator
from ffa_keras.translation.run_folder import load_generator
from ffa_keras.translation.whole import translate, translate_native

SIZES = [(97, 130), (576, 720)]


@pytest.fixture(scope="module")
def saved_model(run_program, trained_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "ffa"
    run_program(
        "-m", "export.saved_model", f"--run_dir={trained_run}",
        f"--output={folder}",
    )  # fmt: skip
    return folder / "1"


@pytest.fixture(scope="module")
def tflite(run_program, trained_run, tmp_path_factory):
    file = tmp_path_factory.mktemp("models") / "ffa.tflite"
    run_program(
        "-m", "export.tflite", f"--run_dir={trained_run}", f"--output={file}"
    )
    return file


def _fundus(size, seed=0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (1, *size, 3)).astype("float32")


def _keras(run_dir, fundus):
    return load_generator(run_dir)(fundus).numpy()


@pytest.mark.parametrize("size", SIZES)
def test_saved_model_equals_keras(trained_run, saved_model, size):
    fundus = _fundus(size)
    network = tf.saved_model.load(str(saved_model)).signatures["network"]
    np.testing.assert_allclose(
        network(fundus=tf.constant(fundus))["ffa"],
        _keras(trained_run, fundus),
        atol=1e-4,
    )


@pytest.mark.parametrize("size", SIZES)
def test_tflite_equals_keras(trained_run, tflite, size):
    fundus = _fundus(size)
    grey = (fundus + 1) * 127.5
    serve = Interpreter(model_path=str(tflite)).get_signature_runner(
        "serving_default"
    )
    answer = serve(fundus=grey)["ffa"] / 127.5 - 1
    np.testing.assert_allclose(answer, _keras(trained_run, fundus), atol=1e-4)


@pytest.mark.slow
def test_sums_over_a_large_image_cost_tflite_no_digits(tmp_path):
    keras.utils.set_random_seed(0)
    generator = ResnetGenerator(num_filters=8, num_blocks=9)
    generator.build((None, None, None, 3))
    content = convert(generator, "float32", [])
    interpreter = Interpreter(model_content=content)
    fundus = make_pair(3, "large_focal", 512).fundus[None].astype("float32")
    answer = interpreter.get_signature_runner("serving_default")(fundus=fundus)
    expected = to_grey_levels(generator(from_grey_levels(fundus)))
    # Grey levels; 0.7 where moments are summed up in one go.
    np.testing.assert_allclose(answer["ffa"], expected, rtol=0, atol=0.02)


def test_serving_default_speaks_grey_levels(trained_run, saved_model, tflite):
    network = _fundus((40, 61))
    grey = ((network + 1) * 127.5).astype("float32")
    expected = (_keras(trained_run, network) + 1) * 127.5
    loaded = tf.saved_model.load(str(saved_model))
    served = loaded.signatures["serving_default"](fundus=tf.constant(grey))
    lite = Interpreter(model_path=str(tflite)).get_signature_runner(
        "serving_default"
    )(fundus=grey)
    assert set(served) == set(lite) == {"ffa"}
    np.testing.assert_allclose(served["ffa"], expected, atol=0.02)
    np.testing.assert_allclose(lite["ffa"], expected, atol=0.02)


def test_every_weight_is_stored_once(trained_run, saved_model):
    stored = tf.train.list_variables(str(saved_model / "variables/variables"))
    sizes = [int(np.prod(shape)) for name, shape in stored if shape]
    assert sum(sizes) == load_generator(trained_run).count_params()


def test_weights_of_16_bits_are_half_and_answer_alike(trained_run, tmp_path):
    folder = export_saved_model(
        trained_run, tmp_path / "m", None, False, "float16"
    )
    (data,) = folder.glob("variables/*.data*")
    generator = load_generator(trained_run)
    # The graph of objects is stored there too.
    assert data.stat().st_size < 2 * generator.count_params() + 10_000
    fundus = make_pair(0, "normal", 128).fundus
    agreement = compare(generator, load_translator(folder), [fundus])
    assert agreement.psnr > BOUNDS["float16"]
    about = json.loads((folder / "assets.extra/metadata.json").read_text())
    assert about["Precision"] == "float16"
    assert re.match(r"\d+\.\d dB from Keras|inf dB", about["Agreement"])


@pytest.fixture(scope="module")
def scaled_generator():
    """A generator of photographs whose field is 60 pixels wide."""
    keras.utils.set_random_seed(0)
    generator = ResnetGenerator(num_filters=4, num_blocks=1, field_diameter=60)
    generator.build((None, None, None, 3))
    return generator


@pytest.mark.parametrize("form", ["saved_model", "tflite"])
def test_photographs_are_scaled_before_any_form(
    scaled_generator, form, tmp_path
):
    keras_file = tmp_path / "generator.keras"
    scaled_generator.save(keras_file)
    if form == "tflite":
        exported = tmp_path / "ffa.tflite"
        exported.write_bytes(convert(scaled_generator, "float32", []))
        add_metadata(exported, describe("", "float32", 60))
    else:
        exported = export_saved_model(keras_file, tmp_path / "m")
    fundus = make_pair(0, "normal", 128).fundus
    answer = load_translator(exported)(fundus).astype(int)
    wanted = load_translator(keras_file)(fundus)
    assert np.abs(answer - wanted).max() <= 1
    native = translate_native(scaled_generator, fundus)
    assert np.abs(answer - native).max() > 2


def test_sizes_of_photographs_that_are_scaled_draw_a_warning(
    scaled_generator, phantom_dataset, tmp_path, caplog
):
    """Inference scales them: no signature of a size would ever be taken."""
    keras_file = tmp_path / "generator.keras"
    scaled_generator.save(keras_file)
    for sizes in ([], [(64, 64)]):
        file = tmp_path / "ffa.tflite"
        export_tflite(keras_file, file, "float32", str(phantom_dataset), sizes)
        assert ("its field is 60 pixels wide" in caplog.text) == bool(sizes)


def test_a_batch_is_answered_image_by_image(saved_model):
    serve = tf.saved_model.load(str(saved_model)).signatures["network"]
    batch = np.concatenate([_fundus((32, 48), seed) for seed in range(3)])
    together = serve(fundus=tf.constant(batch))["ffa"]
    alone = [serve(fundus=tf.constant(x[None]))["ffa"][0] for x in batch]
    np.testing.assert_allclose(together, alone, atol=1e-5)


_LOADER = """
import sys
import numpy as np
import tensorflow as tf
assert "ffa_keras" not in sys.modules
with tf.compat.v1.Session(graph=tf.Graph()) as session:
    meta = tf.compat.v1.saved_model.loader.load(session, ["serve"], sys.argv[1])
    signature = meta.signature_def["network"]
    answer = session.run(
        signature.outputs["ffa"].name,
        {signature.inputs["fundus"].name: np.load(sys.argv[2])},
    )
assert not any(name.startswith("ffa_keras") for name in sys.modules)
np.save(sys.argv[3], answer)
"""


@pytest.mark.parametrize("size", SIZES)
def test_the_loader_of_tf_serving_needs_none_of_our_code(
    trained_run, saved_model, tmp_path, size
):
    fundus = _fundus(size)
    np.save(tmp_path / "fundus.npy", fundus)
    subprocess.run(
        [
            sys.executable, "-I", "-c", _LOADER, saved_model,
            tmp_path / "fundus.npy", tmp_path / "ffa.npy",
        ],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    np.testing.assert_allclose(
        np.load(tmp_path / "ffa.npy"), _keras(trained_run, fundus), atol=1e-4
    )


def test_versions_count_up_and_are_never_replaced(trained_run, tmp_path):
    for version in ("1", "2"):
        folder = export_saved_model(trained_run, tmp_path)
        assert folder == tmp_path / version
    with pytest.raises(InputError, match="versions are never replaced"):
        export_saved_model(trained_run, tmp_path, 1)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["1", "2"]


def test_of_two_exports_at_once_one_is_refused_and_none_replaced(
    trained_run, tmp_path, monkeypatch
):
    """Both have chosen version 1 before either of them has written it."""
    save = tf.saved_model.save

    def overtaken(*arguments):
        monkeypatch.setattr(tf.saved_model, "save", save)
        export_saved_model(trained_run, tmp_path / "m")
        return save(*arguments)

    monkeypatch.setattr(tf.saved_model, "save", overtaken)
    with pytest.raises(InputError, match="1: exists and is never replaced"):
        export_saved_model(trained_run, tmp_path / "m")
    assert [p.name for p in (tmp_path / "m").iterdir()] == ["1"]
    check_sums(tmp_path / "m" / "1")


def test_damage_of_a_saved_model_is_noticed(trained_run, tmp_path):
    folder = export_saved_model(trained_run, tmp_path / "m")
    (variables,) = folder.glob("variables/*.data*")
    data = bytearray(variables.read_bytes())
    data[len(data) // 2] ^= 1
    variables.write_bytes(data)
    with pytest.raises(InputError, match="variables.data.*: damaged"):
        check_sums(folder)


@pytest.mark.parametrize("where", [100, 0.3, 0.6, -30])
def test_damage_of_a_tflite_file_is_noticed(tflite, tmp_path, where):
    data = bytearray(tflite.read_bytes())
    at = int(where * len(data)) if isinstance(where, float) else where
    data[at] ^= 1
    (tmp_path / "a.tflite").write_bytes(data)
    check_sums(tflite)
    with pytest.raises(InputError, match="a.tflite: damaged"):
        check_sums(tmp_path / "a.tflite")


def test_a_run_without_a_generator_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(InputError, match="no generator.keras there; train"):
        export_saved_model(tmp_path / "nowhere", tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_an_interrupted_export_leaves_nothing(
    trained_run, tmp_path, monkeypatch
):
    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(tf.saved_model, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        export_saved_model(trained_run, tmp_path / "models")
    assert not list((tmp_path / "models").iterdir())


def _files(fundus):
    """A photograph as PNG, JPEG and BMP files."""
    bgr = fundus[..., ::-1]
    return [
        cv2.imencode(suffix, bgr)[1].tobytes()
        for suffix in (".png", ".jpg", ".bmp")
    ]


def test_encoded_images_become_png_files_of_their_own_size(
    trained_run, saved_model
):
    serve = tf.saved_model.load(str(saved_model)).signatures["encoded"]
    photographs = [make_pair(i, "normal", 128).fundus for i in range(2)]
    contents = _files(photographs[0][:97, :111]) + _files(photographs[1])
    answers = serve(fundus_bytes=tf.constant(contents))["ffa_bytes"].numpy()
    generator = load_generator(trained_run)
    for content, answer in zip(contents, answers, strict=True):
        data = np.frombuffer(content, np.uint8)
        fundus = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB)
        picture = cv2.imdecode(np.frombuffer(answer, np.uint8), -1)
        assert picture.shape == fundus.shape[:2]
        expected = translate(generator, fundus)[..., 0].astype(int)
        assert np.abs(picture - expected).max() <= 1
        assert b"not for clinical use" in answer


@pytest.mark.parametrize("side", [8, 15])
def test_fewer_pixels_than_the_documents_say_are_refused(saved_model, side):
    loaded = tf.saved_model.load(str(saved_model)).signatures
    small = np.zeros((side, 64, 3), np.uint8)
    calls = {
        "encoded": {
            "fundus_bytes": tf.constant(_files(small)[:1]),
        },
        "serving_default": {"fundus": tf.constant(small[None], tf.float32)},
    }
    for endpoint, arguments in calls.items():
        with pytest.raises(tf.errors.InvalidArgumentError, match="too small"):
            loaded[endpoint](**arguments)


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n"])
def test_a_broken_encoded_image_is_an_invalid_argument(saved_model, content):
    serve = tf.saved_model.load(str(saved_model)).signatures["encoded"]
    with pytest.raises(tf.errors.InvalidArgumentError):
        serve(fundus_bytes=tf.constant([content]))


CLAIM = 60_000


def _claiming_jpeg():
    """A JPEG file of 20x20 pixels whose head says otherwise."""
    content = cv2.imencode(".jpg", np.zeros((20, 20, 3), np.uint8))[1].tobytes()
    frame = content.index(b"\xff\xc0") + 5
    size = struct.pack(">HH", CLAIM, CLAIM)
    return content[:frame] + size + content[frame + 4 :]


HEADS = {
    "PNG": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", CLAIM, CLAIM),
    "BMP": b"BM" + bytes(16) + struct.pack("<ii", CLAIM, -CLAIM),
    "GIF": b"GIF89a" + struct.pack("<HH", CLAIM, CLAIM),
    "JPEG": _claiming_jpeg(),
}


@pytest.mark.parametrize("kind", HEADS)
def test_a_claim_of_gigabytes_is_refused_before_decoding(saved_model, kind):
    serve = tf.saved_model.load(str(saved_model)).signatures["encoded"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="too large"):
        serve(fundus_bytes=tf.constant([HEADS[kind]]))


def test_more_pixels_than_memory_holds_are_refused(saved_model):
    loaded = tf.saved_model.load(str(saved_model)).signatures
    batch = tf.zeros([2, 1449, 1448, 3])
    for endpoint in ("serving_default", "with_saliency", "network"):
        with pytest.raises(tf.errors.InvalidArgumentError, match="too large"):
            loaded[endpoint](fundus=batch)


def test_saliency_is_that_of_the_answer(saved_model):
    loaded = tf.saved_model.load(str(saved_model)).signatures
    grey = tf.constant((_fundus((70, 61)) + 1) * 127.5, tf.float32)
    both = loaded["with_saliency"](fundus=grey)
    ffa = loaded["serving_default"](fundus=grey)["ffa"]
    np.testing.assert_allclose(both["ffa"], ffa, atol=1e-3)
    np.testing.assert_allclose(both["saliency"], saliency_map(ffa), atol=0.02)


def test_the_endpoints_are_those_of_the_documents(trained_run):
    module = ExportedGenerator(load_generator(trained_run))
    text = (Path(__file__).parents[2] / "docs/serving.md").read_text()
    assert all(f"`{name}`" in text for name in module.signatures)


def test_without_the_serving_extra_nothing_is_written(
    trained_run, tmp_path, monkeypatch
):
    missing = "tensorflow_serving.apis.prediction_log_pb2"
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(InputError, match=r"pip install 'ffa_keras\[serving\]'"):
        export_saved_model(trained_run, tmp_path / "eyes", warm_up=True)
    assert not list((tmp_path / "eyes").iterdir())
