"""What a machine, a user or a file can do to a translation.

Nothing of the user's is lost, the report names what failed, and whatever is
refused is refused in a line that tells what to do.
"""

import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf

from ffa_keras.errors import InputError, Interrupted
from ffa_keras.images.files import write_png
from ffa_keras.inference import predict as program
from ffa_keras.inference.predict import predict
from ffa_keras.inference.saliency import SALIENCY_MAP
from ffa_keras.models import ResnetGenerator
from ffa_keras.phantom import make_pair
from ffa_keras.sums import SUM_KEY
from ffa_keras.translation.forms import load_translator

MAPS = {"saliency": SALIENCY_MAP}
ROOT = Path(__file__).parents[2]
NAMES = ("eye1.png", "eye2.png", "left/eye3.png")


def _save_generator(file, seed=3, channels=1, scale=5.0):
    keras.utils.set_random_seed(seed)
    generator = ResnetGenerator(num_filters=4, num_blocks=1, channels=channels)
    generator.build((None, None, None, 3))
    for weight in generator.weights:
        if weight.path.endswith("kernel"):
            weight.assign(scale * weight)
    generator.save(file)
    return str(file)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Two models of the same kind."""
    folder = tmp_path_factory.mktemp("models")
    return [_save_generator(folder / f"{n}.keras", seed=n) for n in (3, 4)]


@pytest.fixture(scope="module")
def eyes():
    return [make_pair(seed, "normal", 96).fundus for seed in range(3)]


@pytest.fixture
def clinic(tmp_path, eyes):
    """Three photographs of a clinic; the folder that holds them."""
    folder = tmp_path / "eyes"
    for name, fundus in zip(NAMES, eyes, strict=True):
        write_png(folder / name, fundus)
    return folder


def _contents(folder):
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in folder.rglob("*")
        if p.is_file()
    }


def _report(folder):
    with open(folder / "report.csv", newline="") as file:
        return [row["outcome"] for row in csv.DictReader(file)]


# What stands in the way of an answer, and how the refusal begins.


def _one_folder(clinic):
    return clinic, "holds every photograph"


def _link_to_the_photographs(clinic):
    link = clinic.parent / "link"
    link.symlink_to(clinic)
    return link, "holds every photograph"


def _hard_link(clinic):
    out = clinic.parent / "out"
    out.mkdir()
    os.link(clinic / "eye2.png", out / "eye1.png")
    return out, "eye1.png is the photograph .*eye2.png"


def _link_to_a_photograph(clinic):
    out = clinic.parent / "out"
    out.mkdir()
    (out / "eye2.png").symlink_to(clinic / "eye2.png")
    return out, "eye2.png is the photograph"


def _folder_like_an_answer(clinic):
    out = clinic.parent / "out"
    (out / "eye1.png").mkdir(parents=True)
    (out / "eye1.png/notes.txt").write_text("years of work")
    return out, "eye1.png is no file"


def _other_picture(clinic):
    out = clinic.parent / "out"
    write_png(out / "eye1.png", np.zeros((20, 20), np.uint8))
    return out, "eye1.png was not made by this program"


def _other_report(clinic):
    out = clinic.parent / "out"
    out.mkdir()
    (out / "report.csv").write_text("patient,finding\n")
    return out, "report.csv was not made by this program"


def _pipe(clinic):
    out = clinic.parent / "out"
    out.mkdir()
    os.mkfifo(out / "eye1.png")
    return out, "eye1.png is no file"


OBSTACLES = {
    "one folder in and out": _one_folder,
    "out is a link to in": _link_to_the_photographs,
    "an answer is a hard link of a photograph": _hard_link,
    "an answer is a link to a photograph": _link_to_a_photograph,
    "a folder is named like an answer": _folder_like_an_answer,
    "a picture of the user's is named like an answer": _other_picture,
    "report.csv is the user's own": _other_report,
    "a pipe is named like an answer": _pipe,
}


@pytest.mark.parametrize(
    "arrange, flag",
    [
        pytest.param(
            arrange, flag, id=f"rename and overwrite: {name}, --{flag}"
        )
        for name, arrange in OBSTACLES.items()
        for flag in ("overwrite", "resume")
    ],
)
def test_nothing_but_answers_is_replaced(models, clinic, arrange, flag):
    out, words = arrange(clinic)
    before = _contents(clinic.parent)
    with pytest.raises(InputError, match=words):
        predict(models[0], str(clinic), str(out), **{flag: True})
    assert _contents(clinic.parent) == before


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("", id="rename and overwrite: answers lie below in"),
        pytest.param(
            "/**/*.png",
            id="rename and overwrite: a pattern reaches the answers",
        ),
    ],
)
def test_answers_are_no_photographs(models, clinic, source):
    out = clinic / "ffa"
    predict(models[0], str(clinic), str(out))
    before = _contents(clinic)
    predict(models[0], f"{clinic}{source}", str(out), overwrite=True)
    after = _contents(clinic)
    assert {n: after[n] for n in NAMES} == {n: before[n] for n in NAMES}
    assert not [name for name in after if name.startswith("ffa/ffa")]
    assert _report(out) == ["translated"] * 3


def test_photograph_beside_its_answer(models, clinic, tmp_path):
    """A file that is named need not lie in another folder than its answer."""
    cv2.imwrite(str(clinic / "eye.jpg"), np.full((64, 64, 3), 90, np.uint8))
    predict(models[0], str(clinic / "eye.jpg"), str(clinic / "left"))
    with pytest.raises(InputError, match=r"eye1.png is the photograph"):
        predict(
            models[0], str(clinic / "eye1.png"), str(clinic), overwrite=True
        )


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(
            "EYE1.tif", id="rename and overwrite: stems equal but case"
        ),
        pytest.param("eye1.jpg", id="rename and overwrite: equal stems"),
    ],
)
def test_two_photographs_do_not_share_an_answer(models, clinic, second):
    picture = np.zeros((32, 32, 3), np.uint8)
    cv2.imwrite(str(clinic / second), picture)
    out = clinic.parent / "out"
    with pytest.raises(InputError, match="would both become.*--names=numbers"):
        predict(models[0], str(clinic), str(out))
    assert predict(models[0], str(clinic), str(out), names="numbers") == 0
    assert len(list(out.glob("[1-4].png"))) == 4


# Stops in the middle.


@pytest.fixture
def whole(models, clinic):
    """What an undisturbed start makes, by file."""
    folder = clinic.parent / "whole"
    predict(models[0], str(clinic), str(folder), maps=MAPS)
    return _contents(folder)


def _stop_at(monkeypatch, number, error):
    """Let the translation of one photograph raise."""
    load = load_translator
    count = [0]

    def loader(model):
        translate = load(model)

        def translator(fundus):
            count[0] += 1
            if count[0] == number:
                raise error
            return translate(fundus)

        return translator

    monkeypatch.setattr(program, "load_translator", loader)


@pytest.mark.parametrize(
    "done",
    [pytest.param(n, id=f"interrupted: after {n} of 3") for n in range(3)],
)
def test_a_stopped_translation_goes_on(
    models, clinic, whole, monkeypatch, capsys, done
):
    out = clinic.parent / "out"
    arguments = models[0], str(clinic), str(out)
    with monkeypatch.context() as patch:
        _stop_at(patch, done + 1, KeyboardInterrupt())
        with pytest.raises(
            Interrupted, match=f"{done} of 3 photographs.*--resume"
        ):
            predict(*arguments, maps=MAPS)
    assert _report(out) == ["translated"] * done
    first = {p: p.stat().st_mtime_ns for p in out.rglob("*.png")}
    capsys.readouterr()
    assert predict(*arguments, maps=MAPS, resume=True) == 0
    assert _contents(out) == whole
    assert all(p.stat().st_mtime_ns == time for p, time in first.items())
    assert "made again" not in capsys.readouterr().err


def _cut(file):
    file.write_bytes(file.read_bytes()[:-40])


def _flipped(file):
    data = bytearray(file.read_bytes())
    data[-60] ^= 255
    file.write_bytes(data)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(_cut, id="interrupted: an answer was cut short"),
        pytest.param(_flipped, id="interrupted: an answer was changed"),
        pytest.param(
            lambda file: file.write_bytes(b""),
            id="interrupted: an answer is empty",
        ),
        pytest.param(
            lambda file: file.unlink(), id="interrupted: a map is missing"
        ),
    ],
)
@pytest.mark.parametrize("name", ["eye1.png", "eye1_saliency.png"])
def test_what_is_half_is_made_again(
    models, clinic, whole, capsys, damage, name
):
    out = clinic.parent / "whole"
    damage(out / name)
    there = (out / name).exists()
    capsys.readouterr()
    predict(
        models[0],
        str(clinic),
        str(out),
        maps=MAPS,
        resume=True,
    )
    assert _contents(out) == whole
    assert (f"made again {out / name}" in capsys.readouterr().err) == there


def test_interrupted_answers_of_another_photograph(
    models, clinic, whole, capsys
):
    """As when numbers shift because a photograph was added."""
    out = clinic.parent / "numbers"
    arguments = models[0], str(clinic), str(out)
    predict(*arguments, names="numbers")
    os.rename(clinic / "eye2.png", clinic / "a.png")
    predict(*arguments, names="numbers", resume=True)
    assert capsys.readouterr().err.count("made again") == 2
    for number, name in enumerate(("eye2", "eye1"), 1):
        answer = cv2.imread(str(out / f"{number}.png"), -1)
        wanted = cv2.imread(str(clinic.parent / f"whole/{name}.png"), -1)
        np.testing.assert_array_equal(answer, wanted)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("model", id="interrupted: another model goes on"),
        pytest.param("both", id="interrupted: --resume and --overwrite"),
    ],
)
def test_other_answers_are_not_mixed_in(models, clinic, whole, change):
    out = clinic.parent / "whole"
    model, flags, words = {
        "model": (models[1], {}, "--resume: .* is of another model"),
        "both": (models[0], {"overwrite": True}, "give one"),
    }[change]
    with pytest.raises(InputError, match=words):
        predict(model, str(clinic), str(out), resume=True, **flags)
    assert _contents(out) == whole


@pytest.mark.slow
@pytest.mark.parametrize(
    "number, status",
    [
        pytest.param(signal.SIGTERM, 75, id="interrupted: SIGTERM"),
        pytest.param(signal.SIGINT, 75, id="interrupted: SIGINT"),
        pytest.param(signal.SIGKILL, -9, id="interrupted: SIGKILL"),
    ],
)
def test_a_signal_costs_one_photograph(models, tmp_path, number, status):
    for seed in range(60):
        fundus = make_pair(seed % 3, "normal", 256).fundus
        write_png(tmp_path / f"in/{seed:02}.png", fundus)
    out = tmp_path / "out"
    command = [
        sys.executable, "-m", "ffa_keras.inference", f"--model={models[0]}",
        f"--input={tmp_path / 'in'}", f"--output={out}", "--saliency",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while not (out / "02.png").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    words = process.communicate(timeout=60)[1].decode()
    assert process.returncode == status
    assert "Traceback" not in words
    done = sorted(p.name for p in out.glob("[0-9][0-9].png"))
    assert 3 <= len(done) < 60
    if status == 75:
        assert len(_report(out)) == len(done)
        assert "add --resume to go on" in words.splitlines()[-1]
    went_on = subprocess.run(
        [*command, "--resume"], cwd=ROOT, capture_output=True, text=True
    )
    assert went_on.returncode == 0, went_on.stderr
    assert _report(out) == ["translated"] * 60
    assert len(list(out.glob("[0-9][0-9].png"))) == 60


# Disks.


@pytest.fixture
def mount(tmp_path):
    """Mount a small file system of memory; skip where that is not permitted."""
    place = tmp_path / "disk"
    place.mkdir()

    def command(*arguments):
        return subprocess.run(arguments, capture_output=True, check=False)

    def mounted(options):
        done = command("mount", "-t", "tmpfs", "-o", options, "tmpfs", place)
        if done.returncode:
            pytest.skip("mounting is not permitted here")
        return place

    yield mounted
    command("umount", place)


@pytest.mark.parametrize(
    "size", [pytest.param(s, id=f"full disk: of {s}") for s in ("8k", "16k")]
)
def test_a_full_disk_costs_nothing_that_was_done(models, clinic, mount, size):
    disk = mount(f"size={size}")
    arguments = models[0], str(clinic), str(disk / "out")
    with pytest.raises(InputError, match="No space left.*--resume to go on"):
        predict(*arguments)
    before = _contents(disk)
    assert not [name for name in before if "writing" in name]
    subprocess.run(["mount", "-o", "remount,size=1m", disk], check=True)
    assert predict(*arguments, resume=True) == 0
    after = _contents(disk)
    assert _report(disk / "out") == ["translated"] * 3
    assert {n: after[n] for n in before if n.endswith("png")} == {
        n: d for n, d in before.items() if n.endswith("png")
    }


@pytest.mark.parametrize("_", [pytest.param(0, id="read-only: the output")])
def test_a_disk_that_cannot_be_written(models, clinic, mount, _):
    disk = mount("size=100k,ro")
    with pytest.raises(InputError, match="cannot be written; name another"):
        predict(models[0], str(clinic), str(disk / "out"))


# Files of a folder.


def _odd_names(folder):
    whole = (folder / "eye1.png").read_bytes()
    named = [
        "-dash.png", "new\nline.png", "[glob]*?.png", "'quote\".png", " .png",
        "p%20q.png", "$(x).png", "a" * 251 + ".png", ".hidden.png",
    ]  # fmt: skip
    for name in named:
        (folder / name).write_bytes(whole)
    with open(os.fsencode(folder) + b"/\xff.png", "wb") as file:
        file.write(whole)
    (folder / "loop.png").symlink_to("loop.png")
    (folder / "folder.png").mkdir()
    os.mkfifo(folder / "pipe.png")
    (folder / "text.png").write_text("no image")
    (folder / "empty.png").touch()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    return len(named) + 1


@pytest.mark.parametrize(
    "maps, too_long",
    [
        pytest.param({}, 0, id="damaged photographs: 16 odd files"),
        pytest.param(
            MAPS,
            1,
            id="damaged photographs: 16 odd files, --saliency",
        ),
    ],
)
def test_an_odd_file_costs_its_own_line(models, clinic, capsys, maps, too_long):
    good = _odd_names(clinic)
    out = clinic.parent / "out"
    failures = predict(models[0], str(clinic), str(out), maps=maps)
    assert failures == 3 + too_long
    outcomes = _report(out)
    assert outcomes.count("skipped") == failures
    assert outcomes.count("translated") == 3 + good - too_long
    words = capsys.readouterr().err
    assert words.count("skipped ") == failures
    assert words.count("File name too long") == too_long
    assert not list(out.glob("*" + "a" * 200 + "*")) or not too_long


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("node 7\nfailed"),
        tf.errors.ResourceExhaustedError(None, None, "out of memory"),
        MemoryError(),
    ],
    ids=lambda error: f"damaged photographs: {type(error).__name__} of one",
)
def test_what_one_photograph_raises_costs_its_own_line(
    models, clinic, monkeypatch, capsys, error
):
    _stop_at(monkeypatch, 2, error)
    out = clinic.parent / "out"
    assert predict(models[0], str(clinic), str(out)) == 1
    assert sorted(_report(out)) == ["skipped", "translated", "translated"]
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert f"eye2.png: cannot be translated ({type(error).__name__}" in lines[0]


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param((15, 300, 3), id="damaged photographs: 300x15 pixels"),
        pytest.param((8, 8, 3), id="damaged photographs: 8x8 pixels"),
    ],
)
def test_photographs_that_are_too_small(models, tmp_path, capsys, shape):
    write_png(tmp_path / "in/eye.png", np.full(shape, 90, np.uint8))
    assert predict(models[0], str(tmp_path / "in"), str(tmp_path / "out")) == 1
    assert "pixels: too small, give at least 16" in capsys.readouterr().err


# Models.


def _saved_model(function, folder, signature="serving_default"):
    module = tf.Module()
    spec = tf.TensorSpec([None, None, None, 3], tf.float32, "fundus")
    module.serve = tf.function(function, input_signature=[spec])
    tf.saved_model.save(module, str(folder), {signature: module.serve})
    return folder


def _identity(folder):
    return _saved_model(lambda fundus: {"ffa": fundus}, folder / "m")


def _smaller(folder):
    def halve(fundus):
        return {"ffa": fundus[:, ::2, ::2, :1]}

    return _saved_model(halve, folder / "m")


def _integer(folder):
    def cast(fundus):
        return {"ffa": tf.cast(fundus[..., :1], tf.int32)}

    return _saved_model(cast, folder / "m")


def _two_answers(folder):
    def both(fundus):
        return {"ffa": fundus[..., :1], "other": fundus[..., 1:2]}

    return _saved_model(both, folder / "m")


def _other_signature(folder):
    return _saved_model(lambda f: {"ffa": f[..., :1]}, folder / "m", "score")


def _cut_variables(folder):
    module = tf.Module()
    module.scale = tf.Variable(tf.ones([1000]))
    spec = tf.TensorSpec([None, None, None, 3], tf.float32, "fundus")
    module.serve = tf.function(
        lambda fundus: {"ffa": fundus[..., :1] * module.scale[0]},
        input_signature=[spec],
    )
    tf.saved_model.save(
        module, str(folder / "m"), {"serving_default": module.serve}
    )
    (data,) = (folder / "m/variables").glob("*.data*")
    data.write_bytes(data.read_bytes()[:100])
    return folder / "m"


def _keras_file(model, folder):
    model.save(folder / "m.keras")
    return folder / "m.keras"


def _three_channels(folder):
    return _save_generator(folder / "m.keras", channels=3)


def _not_finite(folder):
    return _save_generator(folder / "m.keras", scale=float("nan"))


def _other_rank(folder):
    inputs = keras.Input((10,))
    return _keras_file(
        keras.Model(inputs, keras.layers.Dense(1)(inputs)), folder
    )


def _classifier(folder):
    inputs = keras.Input((None, None, 3))
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    return _keras_file(keras.Model(inputs, keras.layers.Dense(4)(x)), folder)


def _lambda(folder):
    inputs = keras.Input((None, None, 3))
    outputs = keras.layers.Lambda(lambda x: x[..., :1])(inputs)
    return _keras_file(keras.Model(inputs, outputs), folder)


def _text(folder):
    (folder / "m.keras").write_text("no model")
    return folder / "m.keras"


MODELS = {
    "identity SavedModel": (_identity, "answers float32 .*, 3. to a"),
    "SavedModel of half the size": (_smaller, "answers float32 .1, 8, 12, 1."),
    "SavedModel of integers": (_integer, "answers int32"),
    "SavedModel of two answers": (_two_answers, "cannot be loaded"),
    "SavedModel of another signature": (_other_signature, "cannot be loaded"),
    "SavedModel with cut variables": (_cut_variables, "cannot be loaded"),
    "Keras model of 3 channels": (_three_channels, "answers float32"),
    "Keras model of weights that are no numbers": (_not_finite, "no numbers"),
    "Keras model of another rank": (_other_rank, "cannot be loaded"),
    "Keras classifier": (_classifier, "answers float32 .1, 4. to a"),
    "Keras model with code": (_lambda, "cannot be loaded"),
    "text named .keras": (_text, "cannot be loaded"),
}


@pytest.mark.parametrize(
    "make, words",
    [
        pytest.param(*case, id=f"models and weights: {name}")
        for name, case in MODELS.items()
    ],
)
def test_what_is_no_generator_is_refused_by_name(tmp_path, clinic, make, words):
    model = make(tmp_path)
    with pytest.raises(InputError) as refused:
        predict(str(model), str(clinic), str(tmp_path / "out"))
    (line,) = str(refused.value).splitlines()
    assert line.startswith(f"--model={model}: ")
    assert "name another" in line or "name a generator" in line
    refused.match(words)
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def tflite(models, tmp_path_factory):
    """A whole TFLite file, as bytes, with the digest in its metadata."""
    generator = keras.saving.load_model(models[0])

    @tf.function(
        input_signature=[tf.TensorSpec([None] * 3 + [3], name="fundus")]
    )
    def serve(fundus):
        ffa = generator(fundus / 127.5 - 1)
        return {"ffa": tf.clip_by_value((ffa + 1) * 127.5, 0.0, 255.0)}

    module = tf.Module()
    module.generator, module.serve = generator, serve
    module.weights = [weight.value for weight in generator.weights]
    folder = tmp_path_factory.mktemp("tflite")
    tf.saved_model.save(module, str(folder), {"serving_default": serve})
    flatbuffer = tf.lite.TFLiteConverter.from_saved_model(
        str(folder), signature_keys=["serving_default"]
    ).convert()
    file = folder / "ffa.tflite"
    file.write_bytes(flatbuffer)
    about = {SUM_KEY: hashlib.sha256(flatbuffer).hexdigest()}
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("metadata.json", json.dumps(about))
    return file.read_bytes(), len(flatbuffer)


def test_a_whole_tflite_file_is_taken(tflite, models, eyes, tmp_path):
    (tmp_path / "ffa.tflite").write_bytes(tflite[0])
    answer = load_translator(tmp_path / "ffa.tflite")(eyes[0])
    wanted = load_translator(models[0])(eyes[0])
    assert np.abs(answer.astype(int) - wanted).max() <= 1


@pytest.mark.parametrize(
    "share",
    [
        pytest.param(share, id=f"damaged TFLite: a bit at {share:.0%}")
        for share in (0.05, 0.2, 0.35, 0.5, 0.65, 0.8, 0.95)
    ],
)
def test_a_changed_weight_is_noticed(tflite, clinic, tmp_path, share):
    content, length = bytearray(tflite[0]), tflite[1]
    content[int(share * length)] ^= 16
    file = tmp_path / "ffa.tflite"
    file.write_bytes(content)
    with pytest.raises(
        InputError, match="damaged, it is not what was written; copy"
    ):
        predict(str(file), str(clinic), str(tmp_path / "out"))
