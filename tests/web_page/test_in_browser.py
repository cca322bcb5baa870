"""The page in Chromium, opened from the disk as a clinician does."""

import base64
import re
import socket
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from export.web_page.page import export_web_page
from ffa_keras.images.files import decode_png, read_fundus, write_png
from ffa_keras.inference.label import LABEL, is_labelled, is_whole
from ffa_keras.inference.plausibility import judge
from ffa_keras.inference.saliency import draw_saliency
from ffa_keras.models import ResnetGenerator
from ffa_keras.phantom import make_pair
from ffa_keras.translation.forms import fingerprint, load_translator
from ffa_keras.translation.run_folder import load_generator
from tests.web_page import browser

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.skipif(
        not browser.find(), reason="no Chromium: apt-get install chromium"
    ),
]
SAMPLES = Path(skimage.data.__file__).parent


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    tab = browser.Tab(browser.find(), tmp_path_factory.mktemp("profile"))
    yield tab
    tab.close()


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """The page of the released generator."""
    file = tmp_path_factory.mktemp("released") / "ffa.html"
    return export_web_page("pretrained", file)


@pytest.fixture(scope="module")
def native(tmp_path_factory):
    """The released weights in a generator that scales nothing, and its page."""
    folder = tmp_path_factory.mktemp("native")
    known = load_generator("pretrained")
    generator = ResnetGenerator(known.num_filters, known.num_blocks)
    generator.build((None, None, None, 3))
    generator.set_weights(known.get_weights())
    generator.save(folder / "generator.keras")
    return (
        folder / "generator.keras",
        export_web_page(folder / "generator.keras", folder / "ffa.html"),
    )


def _open(tab, page):
    tab.open(page)
    tab.wait_for("!busy")


def _translated(tab, photograph):
    tab.drop(photograph)
    tab.wait_for("busy", 10)
    tab.wait_for("!busy", 240)


def _picture(tab, canvas):
    """The picture of a canvas above its stamp, uint8 [H, W, 1]."""
    values, width, height = tab.evaluate(
        f"""(() => {{
          const canvas = byId("{canvas}"), {{ width }} = canvas;
          const height = canvas.height -
            Math.max(24, Math.round(0.06 * width));
          const data = canvas.getContext("2d")
            .getImageData(0, 0, width, height).data;
          let text = "";
          for (let i = 0; i < data.length; i += 4)
            text += String.fromCharCode(data[i]);
          return [btoa(text), width, height];
        }})()"""
    )
    grey = np.frombuffer(base64.b64decode(values), np.uint8)
    return grey.reshape(height, width, 1)


def _text(tab, element):
    return tab.evaluate(f"byId('{element}').textContent")


def _worst(a, b):
    return np.abs(a.astype(int) - b.astype(int)).max()


def test_a_dropped_photograph_is_answered_as_by_keras(tab, native, tmp_path):
    model, page = native
    fundus = make_pair(3, "large_focal", 320).fundus[:301, :250]
    write_png(tmp_path / "Doe_John.png", fundus)
    _open(tab, page)
    held = tab.evaluate("tf.memory().numTensors")
    _translated(tab, tmp_path / "Doe_John.png")
    assert tab.evaluate("tf.memory().numTensors") == held
    wanted = load_translator(model)(fundus)
    got = _picture(tab, "ffa")
    assert wanted.std() > 10
    assert got.shape == wanted.shape and _worst(got, wanted) <= 1
    assert _worst(_picture(tab, "saliency"), draw_saliency(got)) <= 1
    assert np.mean(got != wanted) < 0.01
    assert "Scaled" not in _text(tab, "status")
    assert not tab.errors


def test_a_real_photograph_is_scaled_as_by_the_library(tab, released):
    photograph = SAMPLES / "retina.jpg"
    _open(tab, released)
    tab.choose("#file", photograph)
    tab.wait_for("busy", 10)
    tab.wait_for("!busy", 240)
    fundus = read_fundus(photograph)
    wanted = load_translator("pretrained")(fundus)
    got = _picture(tab, "ffa")
    # Scaling rounds apart here and there.
    difference = np.abs(wanted.astype(int) - got)
    assert difference.max() <= 2 and np.mean(difference > 1) < 1e-5
    assert "Scaled to 518 × 518" in _text(tab, "status")
    assert not judge(fundus).suspicious and _text(tab, "warning") == ""


def test_nothing_leaves_the_page(tab, released):
    _open(tab, released)
    tab.evaluate("byId('example').click()")
    tab.wait_for("!busy", 240)
    assert tab.requests == [released.as_uri()]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(1)
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        for attempt in (
            f"fetch('http://{address}/')",
            "fetch('data:text/plain,x')",
            "new Promise((done, no) => { const image = new Image();"
            " image.onload = done; image.onerror = no;"
            f" image.src = 'http://{address}/'; }})",
            "new Promise((done, no) => { const socket ="
            f" new WebSocket('ws://{address}/'); socket.onopen = done;"
            " socket.onerror = no; })",
            "Promise.resolve().then(() => eval('1'))",
        ):
            with pytest.raises(RuntimeError):
                tab.evaluate(attempt)
        tab.evaluate(f"navigator.sendBeacon('http://{address}/', 'x')")
        with pytest.raises(TimeoutError):
            listener.accept()
        # From elsewhere the same browser does connect.
        tab.call("Page.navigate", url="about:blank")
        tab.evaluate(f"void fetch('http://{address}/').catch(() => 0)")
        listener.accept()[0].close()


def test_what_is_saved_says_what_it_is_and_nothing_of_the_file(
    tab, released, tmp_path
):
    photograph = tmp_path / "Doe_John.png"
    write_png(photograph, make_pair(1, "normal", 256).fundus)
    _open(tab, released)
    _translated(tab, photograph)
    folder = tmp_path / "saved"
    tab.call(
        "Page.setDownloadBehavior", behavior="allow", downloadPath=str(folder)
    )
    for button in ("save", "save-saliency"):
        tab.evaluate(f"byId('{button}').click()")
    names = {"synthetic_ffa.png", "synthetic_ffa_saliency.png"}
    tab.wait_for("true")
    for _ in range(100):
        if {p.name for p in folder.glob("*")} == names:
            break
        tab.evaluate("new Promise((done) => setTimeout(done, 100))")
    for name in names:
        png = (folder / name).read_bytes()
        label = {**LABEL, "Model": fingerprint("pretrained")}
        assert is_whole(png) and is_labelled(png, label)
        assert b"Doe" not in png
        picture = decode_png(png)
        assert picture.shape[:2] == (256 + 24, 256)
        strip = picture[256:].reshape(-1, 3)
        red = np.mean((strip == (0x8C, 0, 0x18)).all(1))
        white = np.mean(strip.min(1) > 150)
        assert red > 0.5 and white > 0.02


@pytest.mark.parametrize("name", ["chelsea.png", "coffee.png", "camera.png"])
def test_what_is_no_photograph_of_a_retina_draws_the_librarys_warning(
    tab, released, name
):
    if not (SAMPLES / name).exists():
        pytest.skip(f"scikit-image has no {name}")
    _open(tab, released)
    _translated(tab, SAMPLES / name)
    wanted = judge(read_fundus(SAMPLES / name))
    warning = _text(tab, "warning")
    assert wanted.suspicious and wanted.reason in warning
    (score,) = re.findall(r"score ([\d.]+)", warning)
    assert abs(float(score) - wanted.score) < 0.1


def test_what_is_no_picture_is_said_and_the_next_one_is_taken(
    tab, released, tmp_path
):
    (tmp_path / "scan.tif").write_bytes(b"II*\0" + bytes(100))
    write_png(tmp_path / "small.png", np.zeros((15, 40, 3), np.uint8))
    _open(tab, released)
    for name, words in (("scan.tif", "TIFF"), ("small.png", "16 pixels")):
        tab.drop(tmp_path / name)
        tab.wait_for(
            f"!busy && byId('warning').textContent.includes('{words}')"
        )
        assert tab.evaluate("byId('result').hidden")
    tab.evaluate("byId('example').click()")
    tab.wait_for("!busy && !byId('result').hidden", 240)
    assert _text(tab, "warning") == ""


def test_a_larger_photograph_than_fits_is_shrunk_and_the_page_says_so(
    tab, native, tmp_path
):
    _, page = native
    fundus = cv2.resize(make_pair(2, "normal", 256).fundus, (2560, 2048))
    write_png(tmp_path / "large.png", fundus)
    _open(tab, page)
    _translated(tab, tmp_path / "large.png")
    words = _text(tab, "status")
    assert "The photograph has 2560 × 2048 pixels" in words
    assert "the most that a browser can hold" in words
    shape = _picture(tab, "ffa").shape
    assert 4.15e6 < shape[0] * shape[1] <= 2**22
    assert abs(shape[1] / shape[0] - 1.25) < 1e-3


def test_everything_is_reached_by_keyboard_and_has_a_name(tab, released):
    _open(tab, released)
    tab.evaluate("byId('example').focus()")
    tab.press("Enter", 13)
    tab.press("\r", 13)
    tab.wait_for("!busy && !byId('result').hidden", 240)
    assert tab.evaluate("document.activeElement.id") == "result-title"
    reached = []
    for _ in range(4):
        tab.press("Tab", 9)
        reached.append(tab.evaluate("document.activeElement.id"))
    assert reached == ["save", "slider", "blink", "save-saliency"]
    tree = tab.call("Accessibility.getFullAXTree")["nodes"]
    roles = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in tree
        if not node["ignored"]
    ]
    for role in ("button", "slider", "checkbox", "image", "heading"):
        names = [name for found, name in roles if found == role]
        assert names and all(names), role
    assert {"main", "status", "alert", "note"} <= {role for role, _ in roles}


def test_the_slider_and_blinking_uncover_the_photograph(tab, released):
    _open(tab, released)
    tab.evaluate("byId('example').click()")
    tab.wait_for("!busy && !byId('result').hidden", 240)
    tab.evaluate("byId('slider').focus()")
    clip = "byId('above').style.clipPath"
    tab.press("ArrowRight", 39)
    assert tab.evaluate(clip) == "inset(0px 0px 0px 51%)"
    tab.evaluate("byId('blink').click()")
    for share in (0, 100):
        tab.wait_for(f"{clip} === 'inset(0px 0px 0px {share}%)'", 5)
