"""A TFLite file is translated without TensorFlow, into the same files."""

import json
import shutil

import pytest

from ffa_keras.images.files import write_png
from ffa_keras.inference.maps import interval_map
from ffa_keras.inference.predict import predict
from ffa_keras.phantom import make_pair
from ffa_keras.settings import write_flagfile
from ffa_keras.training.config import TrainConfig
from ffa_keras.translation.forms import fingerprint
from ffa_keras.translation.places import CONFIG_NAME, GENERATOR_NAME

# The program, and what it has imported.
PROGRAM = """
import runpy, sys
try:
    runpy.run_module("ffa_keras.inference", run_name="__main__")
except SystemExit as end:
    assert not end.code, end.code
print("imported:", *{"tensorflow", "keras"} & {*sys.modules})
"""


@pytest.fixture(scope="module")
def tflite_file(keras_file, tmp_path_factory):
    from export.to_tflite import export_tflite

    run = tmp_path_factory.mktemp("run")
    write_flagfile(run / CONFIG_NAME, TrainConfig())
    shutil.copy(keras_file, run / GENERATOR_NAME)
    return export_tflite(run, run / "ffa.tflite", sizes=[(96, 128)])[0]


@pytest.fixture
def translate(run_program, tflite_file, tmp_path):
    """Translate two photographs, and return what was imported for it."""
    write_png(tmp_path / "in/a.png", make_pair(1, "normal", 128).fundus[:96])
    write_png(tmp_path / "in/b.png", make_pair(2, "normal", 128).ffa[:90])

    def run(*flags, model=tflite_file):
        done = run_program(
            "-c", PROGRAM, f"--model={model}", f"--output={tmp_path / 'out'}",
            *flags, tmp_path / "in",
        )  # fmt: skip
        assert "INFO" not in done.stderr
        return done.stdout.split("imported:")[1].split()

    return run


def _contents(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_maps_averages_and_resuming_need_none(translate, tflite_file, tmp_path):
    file = tmp_path / "intervals.json"
    widths = {"half_width_by_grey_level": [*range(256)]}
    owner = {"generator": fingerprint(tflite_file, averaged=True)}
    file.write_text(json.dumps({**widths, **owner}))
    flags = "--average_flips", f"--intervals={file}"
    assert translate(*flags) == []
    predict(
        str(tflite_file),
        str(tmp_path / "in"),
        str(tmp_path / "wanted"),
        average_flips=True,
        maps={"interval": interval_map(file, tflite_file, averaged=True)},
    )
    wanted = _contents(tmp_path / "wanted")
    assert _contents(tmp_path / "out") == wanted
    (tmp_path / "out/a.png").unlink()
    assert translate(*flags, "--resume") == []
    assert _contents(tmp_path / "out") == wanted


@pytest.mark.dicom
def test_dicom_files_need_none(translate, tmp_path):
    pytest.importorskip("pydicom", reason="needs ffa_keras[dicom]")
    pytest.importorskip("gdcm", reason="needs ffa_keras[dicom]")
    key = f"--key_file={tmp_path / 'key'}"
    assert translate("--dicom", "--stamp", key) == []
    assert (tmp_path / "out/a.dcm").is_file()


def test_nor_do_refusals_of_any_form(run_program, keras_file, tmp_path):
    done = run_program(
        "-X", "importtime", "-m", "ffa_keras.inference", tmp_path / "none.png",
        f"--model={keras_file}", check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "no photograph found" in done.stderr
    assert " tensorflow\n" not in done.stderr


def test_saliency_is_drawn_with_tensorflow(translate, tmp_path):
    assert "tensorflow" in translate("--saliency")
    assert (tmp_path / "out/a_saliency.png").is_file()
