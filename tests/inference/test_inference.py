"""`python -m ffa_keras.inference` as a user runs it."""

import cv2
import numpy as np
import pytest

from ffa_keras.errors import InputError
from ffa_keras.images.files import read_fundus, write_png
from ffa_keras.inference.files import find_photographs
from ffa_keras.inference.label import label_png
from ffa_keras.inference.predict import predict
from ffa_keras.phantom import make_pair
from ffa_keras.translation.flips import over_flips
from ffa_keras.translation.forms import fingerprint, load_translator


@pytest.fixture
def photographs(tmp_path):
    """A folder of a clinic: two photographs, a subfolder, and rubbish."""
    folder = tmp_path / "photographs"
    for number, place in enumerate(("one.png", "two.png", "left/one.png")):
        fundus = make_pair(number, "normal", 128).fundus
        write_png(folder / place, fundus[: 90 + number, : 100 + number])
    (folder / "notes.txt").write_text("no image")
    return folder


@pytest.fixture
def translate(run_program, trained_run, tmp_path):
    def run(*flags, model=trained_run, **options):
        return run_program(
            "-m", "ffa_keras.inference", f"--model={model}",
            f"--output={tmp_path / 'ffa'}", *flags, **options,
        )  # fmt: skip

    return run


def _answers(tmp_path):
    folder = tmp_path / "ffa"
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*.png"))


def test_a_folder_becomes_single_channel_pngs_of_native_size(
    translate, photographs, tmp_path
):
    translate(f"--input={photographs}")
    assert _answers(tmp_path) == ["left/one.png", "one.png", "two.png"]
    image = cv2.imread(str(tmp_path / "ffa/left/one.png"), cv2.IMREAD_UNCHANGED)
    assert image.shape == (92, 102)
    assert image.dtype == np.uint8
    png = (tmp_path / "ffa/one.png").read_bytes()
    assert b"Synthetic FFA" in png
    assert b"not for clinical use" in png
    assert b"tEXtModel\0Keras, SHA-256 " in png
    assert b"photographs" not in png
    report = (tmp_path / "ffa/report.csv").read_text()
    assert "one" not in report
    assert report.splitlines()[0] == (
        "number,width,height,score,suspicious,outcome"
    )
    assert report.count("translated") == 3


def test_a_bad_file_is_skipped_and_named_and_the_rest_is_done(
    translate, photographs, tmp_path
):
    whole = (photographs / "two.png").read_bytes()
    (photographs / "broken.png").write_bytes(whole[: len(whole) // 2])
    write_png(photographs / "tiny.png", np.zeros((9, 40, 3), np.uint8))
    done = translate(f"--input={photographs}/*.png", check=False)
    assert done.returncode == 1
    assert _answers(tmp_path) == ["one.png", "two.png"]
    lines = [
        line for line in done.stderr.splitlines() if line.startswith("skipped")
    ]
    assert len(lines) == 2
    assert "broken.png" in lines[0]
    assert "40x9 pixels: too small" in lines[1]


def test_answers_are_not_overwritten_unasked(
    trained_run, photographs, tmp_path
):
    arguments = (
        str(trained_run), str(photographs / "one.png"), str(tmp_path / "ffa")
    )  # fmt: skip
    predict(*arguments)
    answer = tmp_path / "ffa/one.png"
    first = answer.read_bytes()
    older = first[:-1]
    answer.write_bytes(older)
    with pytest.raises(InputError, match="add --resume.*add --overwrite"):
        predict(*arguments)
    assert answer.read_bytes() == older
    predict(*arguments, overwrite=True)
    assert answer.read_bytes() == first


def test_answers_are_averaged_over_flips_if_asked_and_say_so(
    trained_run, photographs, tmp_path
):
    photograph = photographs / "one.png"
    places = str(trained_run), str(photograph), str(tmp_path / "ffa")
    predict(*places, average_flips=True)
    answer = tmp_path / "ffa/one.png"
    assert b", averaged over flips and turns" in answer.read_bytes()
    averaged = cv2.imread(str(answer), cv2.IMREAD_UNCHANGED)
    translate = load_translator(trained_run)
    wanted = over_flips(translate)(read_fundus(photograph))[..., 0]
    np.testing.assert_array_equal(averaged, wanted)
    with pytest.raises(InputError, match="of another model"):
        predict(*places, resume=True)


@pytest.fixture(scope="module")
def exported(trained_run, tmp_path_factory):
    from export.to_saved_model import export_saved_model
    from export.to_tflite import export_tflite

    folder = tmp_path_factory.mktemp("models")
    version = export_saved_model(trained_run, folder / "ffa", 12)
    return [
        trained_run / "generator.keras",
        version,
        version.parent,
        export_tflite(trained_run, folder / "ffa.tflite")[0],
    ]


def test_every_form_of_the_model_gives_the_same_picture(trained_run, exported):
    fundus = make_pair(1, "normal", 128).fundus[:97, :111]
    expected = load_translator(trained_run)(fundus).astype(int)
    assert expected.shape == (97, 111, 1)
    for model in exported:
        picture = load_translator(model)(fundus)
        assert picture.dtype == np.uint8
        assert np.abs(picture - expected).max() <= 1, model


def test_what_takes_the_whole_at_once_refuses_the_largest(exported):
    fundus = np.zeros((2048, 2049, 3), np.uint8)
    for model in exported[1:]:
        with pytest.raises(InputError, match="2049x2048 pixels: more than"):
            load_translator(model)(fundus)


def test_fingerprints_tell_models_apart(trained_run, exported):
    keras_file, version, versions, tflite = exported
    assert fingerprint(trained_run) == fingerprint(keras_file)
    assert fingerprint(version) == fingerprint(versions)
    assert fingerprint(version).startswith("SavedModel 12, SHA-256 ")
    assert fingerprint(tflite).startswith("TFLite, SHA-256 ")


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"model": "nowhere"}, "--model=nowhere: no such file or folder"),
        ({"model": "{empty}"}, "expected a run folder or one of Keras"),
        ({"model": "{broken}"}, "cannot be loaded"),
        ({"source": "{empty}"}, "no photograph found"),
        ({"source": "nowhere/*.png"}, "no photograph found"),
        ({"output": "{broken}"}, "is a file; name a folder"),
        ({"output": "{broken}/deeper"}, "cannot be written"),
    ],
)
def test_bad_input_is_refused_before_any_work(
    trained_run, photographs, tmp_path, changed, message
):
    (tmp_path / "empty").mkdir()
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"not a model")
    arguments = {
        "model": str(trained_run),
        "source": str(photographs / "one.png"),
        "output": str(tmp_path / "ffa"),
        **{
            name: text.format(empty=tmp_path / "empty", broken=broken)
            for name, text in changed.items()
        },
    }
    with pytest.raises(InputError, match=message):
        predict(**arguments)
    assert not (tmp_path / "ffa").exists()


def test_a_refusal_is_one_line_and_exit_status_2(translate):
    refused = translate("--input=nowhere.png", check=False)
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1].startswith(
        "error: --input=nowhere.png: no photograph found"
    )
    assert "Traceback" not in refused.stderr


def test_two_photographs_of_one_stem_are_refused(tmp_path):
    for name in ("a.png", "a.jpg"):
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=r"would both become a\.png"):
        find_photographs([str(tmp_path)])


def test_a_labelled_png_is_the_same_picture():
    image = np.arange(200, dtype=np.uint8).reshape(10, 20)
    png = cv2.imencode(".png", image)[1].tobytes()
    labelled = label_png(png, {"Title": "Synthetic FFA"})
    assert b"tEXtTitle\0Synthetic FFA" in labelled
    decoded = cv2.imdecode(np.frombuffer(labelled, np.uint8), -1)
    np.testing.assert_array_equal(decoded, image)
