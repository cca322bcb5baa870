"""The file that is written, without a browser."""

import html
import json
import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from export import web_page
from export.web_page.page import export_web_page, known_limits
from export.web_page.stages import by_phase, describe, four_at_once
from ffa_keras.errors import InputError
from ffa_keras.models import PatchDiscriminator, SmoothConv2DTranspose
from ffa_keras.translation.forms import fingerprint
from ffa_keras.translation.run_folder import load_generator

ENGLISH = Path(web_page.__file__).parent / "page" / "texts.json"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    file = tmp_path_factory.mktemp("page") / "ffa.html"
    return export_web_page("pretrained", file).read_text(encoding="utf-8")


def test_the_page_is_one_small_file_that_names_no_address_to_load(page):
    assert len(page) < 3e6
    own = page[page.index("const SETTINGS") :] + page[: page.index("<script>")]
    assert not re.findall(r"https?://|src=|@import|url\(", own)


def test_the_page_forbids_connections_and_foreign_scripts(page):
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["connect-src"] == "'none'"
    assert "unsafe-inline" not in policy and "'unsafe-eval'" not in policy


def test_the_page_holds_the_licences_of_its_engine(page):
    for name in ("XNNPACK", "TensorFlow.js", "Emscripten", "pthreadpool"):
        assert name in page
    assert "ARISING IN ANY WAY OUT OF THE USE" in page


def test_the_released_generators_page_says_what_it_misses_and_invents(page):
    limits = known_limits("pretrained")
    assert all(html.escape(text) in page for text in limits)
    assert limits[0] == "It never saw an eye."
    text = " ".join(limits)
    assert "recall" in text and "does invent" in text
    assert re.search(r"\d+ of \d+ real photographs", text)


def test_limits_of_a_run_come_from_its_evaluation(tmp_path):
    assert known_limits(tmp_path) == []
    card = tmp_path / "evaluation" / "model_card.md"
    card.parent.mkdir()
    card.write_text("| | PSNR |\n|---|---|\n| generator | 20 |\n")
    assert known_limits(tmp_path) == []
    (tmp_path / "flags.cfg").write_text("")
    (tmp_path / "generator.keras").write_bytes(b"weights")
    of_this = f"- fingerprint: {fingerprint(tmp_path)}\n- split: test\n"
    judged = (
        "## Results\n\n### Leakage\n\n"
        "|  | large leaks found | invented | images |\n|---|---|---|---|\n"
        "| generator | 0.35 | 0.10 | 16 |\n| real | 1 | 0 | 16 |\n\n"
        "## Limits\n"
    )
    for other in ("", of_this.replace("test", "train"), of_this[:-20]):
        card.write_text(other + judged)
        assert known_limits(tmp_path) == []
    card.write_text(of_this + judged)
    assert known_limits(tmp_path) == [
        "large leaks found: 0.35",
        "invented: 0.10",
        "images: 16",
    ]


def test_every_weight_of_the_released_generator_is_described():
    generator = load_generator("pretrained")
    layers, weights = describe(generator)
    # A transposed convolution has 9 taps, its plain form 16; the last has 49
    # for one pixel, and 64 for each of four at once.
    extra = 7 * (64 * 32 + 32 * 16) + 16 * (4 * 64 - 49)
    assert len(weights) == 4 * (generator.count_params() + extra)
    assert sum("branch" in layer for layer in layers) == generator.num_blocks


def test_an_upsampling_is_a_plain_convolution_of_each_phase():
    layer = SmoothConv2DTranspose(3, use_bias=False)
    x = tf.random.stateless_normal([1, 5, 6, 4], [0, 1])
    layer.build(x.shape)
    plain = tf.nn.conv2d(
        tf.pad(x, [[0, 0], [1, 0], [1, 0], [0, 0]]),
        by_phase(layer.kernel.numpy()),
        1,
        "VALID",
    )
    got = tf.nn.depth_to_space(plain, 2)
    wanted = keras.layers.Conv2DTranspose.call(layer, x)
    np.testing.assert_allclose(got, wanted, atol=1e-6)


def test_a_convolution_to_one_channel_is_one_to_four_at_once():
    x = tf.random.stateless_normal([1, 10, 12, 3], [0, 1])
    kernel = tf.random.stateless_normal([5, 5, 3, 1], [0, 2])
    four = four_at_once(kernel.numpy())
    padded = tf.pad(x, [[0, 0], [2, 2], [2, 2], [0, 0]])
    got = tf.nn.depth_to_space(tf.nn.conv2d(padded, four, 2, "VALID"), 2)
    wanted = tf.nn.conv2d(padded, kernel, 1, "VALID")
    np.testing.assert_allclose(got, wanted, atol=1e-5)


def test_a_translation_of_the_texts_replaces_all_of_them(tmp_path):
    english = json.loads(ENGLISH.read_text(encoding="utf-8"))
    texts = tmp_path / "texts.json"
    german = {**english, "lang": "de", "title": "Künstliches <Angiogramm>"}
    texts.write_text(json.dumps(german), encoding="utf-8")
    page = export_web_page("pretrained", tmp_path / "ffa.html", texts)
    text = page.read_text(encoding="utf-8")
    assert '<html lang="de">' in text
    assert "<h1>Künstliches &lt;Angiogramm&gt;</h1>" in text


@pytest.mark.parametrize(
    "content",
    ["no JSON", "[]", '{"lang": "de"}'],
    ids=["no JSON", "a list", "some missing"],
)
def test_texts_that_are_not_whole_are_refused(tmp_path, content):
    texts = tmp_path / "texts.json"
    texts.write_text(content)
    with pytest.raises(InputError, match="texts.json"):
        export_web_page("pretrained", tmp_path / "ffa.html", texts)


def test_only_html_files_are_written(tmp_path):
    with pytest.raises(InputError, match="ending in .html"):
        export_web_page("pretrained", tmp_path / "ffa.tflite")


def test_a_model_that_is_no_resnet_generator_is_refused():
    with pytest.raises(InputError, match="ResNet"):
        describe(PatchDiscriminator())
