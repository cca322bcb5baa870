"""Image files as cameras and clinics leave them."""

import concurrent.futures
import os
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from ffa_keras.errors import InputError
from ffa_keras.images.files import (
    field_of_view,
    read_ffa,
    read_fundus,
    sample_bits,
    write_png,
)


@pytest.fixture
def picture():
    """RGB uint8 [40, 60, 3], every pixel and channel its own."""
    values = np.arange(40 * 60 * 3, dtype=np.uint32)
    return (values * 7919 % 251).astype(np.uint8).reshape(40, 60, 3)


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp"])
def test_colour_is_rgb_in_lossless_files(tmp_path, picture, suffix):
    Image.fromarray(picture).save(tmp_path / f"a.{suffix}")
    np.testing.assert_array_equal(
        read_fundus(tmp_path / f"a.{suffix}"), picture
    )


def test_jpeg_is_rgb_up_to_its_losses(tmp_path):
    plain = np.full((32, 32, 3), (200, 90, 30), np.uint8)
    Image.fromarray(plain).save(tmp_path / "a.jpg", quality=95)
    assert np.abs(read_fundus(tmp_path / "a.jpg") - plain.astype(int)).max() < 4


def test_alpha_and_palette_are_resolved(tmp_path, picture):
    with_alpha = np.dstack([picture, picture[..., 0]])
    Image.fromarray(with_alpha).save(tmp_path / "alpha.png")
    np.testing.assert_array_equal(read_fundus(tmp_path / "alpha.png"), picture)
    palette = Image.fromarray(picture).convert("P")
    palette.save(tmp_path / "palette.gif")
    np.testing.assert_array_equal(
        read_fundus(tmp_path / "palette.gif"), np.array(palette.convert("RGB"))
    )


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "gif"])
def test_grey_values_survive_as_they_are(tmp_path, picture, suffix):
    grey = picture[..., 1]
    Image.fromarray(grey).save(tmp_path / f"a.{suffix}")
    ffa = read_ffa(tmp_path / f"a.{suffix}")
    np.testing.assert_array_equal(ffa, grey[..., None])
    assert ffa.dtype == np.uint8


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bit_files_fill_the_eight_bit_range(
    tmp_path, picture, bits, suffix
):
    full = 2**bits - 1
    levels = np.rint(picture[..., 0] / 250 * full).astype(np.uint16)
    cv2.imwrite(str(tmp_path / f"a.{suffix}"), levels)
    want = np.rint(levels.astype(np.float64) * 255 / full)
    np.testing.assert_allclose(
        read_ffa(tmp_path / f"a.{suffix}")[..., 0], want, atol=0.5 + 1e-3
    )


def _deep(path, brightest):
    """A grey 16-bit file whose median is half of its brightest sample."""
    levels = np.full((9, 9), brightest // 2, np.uint16)
    levels[0, 0] = brightest
    cv2.imwrite(str(path), levels)
    return path


@pytest.mark.parametrize("read", [read_fundus, read_ffa])
@pytest.mark.parametrize("bits", [12, 14, 16])
def test_files_of_one_camera_keep_their_brightness(tmp_path, read, bits):
    """Whatever the brightest sample of each happens to be."""
    for brightest in (255, 2000, 4095):
        image = read(_deep(tmp_path / "a.png", brightest), bits)
        want = round(brightest * 255 / (2**bits - 1))
        assert image.max() == want, brightest


def test_a_sample_of_more_bits_than_given_is_refused(tmp_path):
    path = _deep(tmp_path / "a.png", 4096)
    with pytest.raises(InputError, match="a.png: a sample takes 13 bits"):
        read_fundus(path, 12)


def test_bits_do_not_touch_files_of_eight(tmp_path, picture):
    Image.fromarray(picture).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_fundus(tmp_path / "a.png", 12), picture)


@pytest.mark.parametrize(
    ("brightest", "bits"), [(200, 8), (255, 8), (4000, 12), (4096, 13)]
)
def test_the_bits_of_the_brightest_sample(tmp_path, brightest, bits):
    assert sample_bits(_deep(tmp_path / "a.png", brightest)) == bits


def test_files_of_eight_bits_take_eight(tmp_path, picture):
    Image.fromarray(picture // 9).save(tmp_path / "a.png")
    assert sample_bits(tmp_path / "a.png") == 8


@pytest.mark.parametrize("compression", [1, 5, 8, 32773])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_whole_tiff_files_of_every_kind_are_read(
    tmp_path, picture, compression, channels, kind
):
    image = np.dstack([picture, picture[..., 0]])[..., :channels].astype(kind)
    image = image[..., 0] if channels == 1 else image
    cv2.imwrite(
        str(tmp_path / "a.tif"),
        image,
        [cv2.IMWRITE_TIFF_COMPRESSION, compression],
    )
    want = image[..., None] if channels == 1 else image[..., 2::-1]
    np.testing.assert_array_equal(
        read_fundus(tmp_path / "a.tif"), np.broadcast_to(want, (40, 60, 3))
    )


@pytest.mark.parametrize(
    "options",
    [
        {"progressive": True},
        {"optimize": True},
        {"subsampling": 0},
        {"restart_marker_blocks": 2},
        {"comment": b"\xff\xd8\xff\xda\xff\xd9"},
    ],
)
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_whole_jpeg_files_of_every_kind_are_read(
    tmp_path, picture, mode, options
):
    Image.fromarray(picture).convert(mode).save(tmp_path / "a.jpg", **options)
    # What cameras append, such as a second picture that was cut.
    data = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(data + b"\xff\xd8\xff\xda")
    want = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    np.testing.assert_array_equal(read_fundus(tmp_path / "a.jpg"), want)


def test_threads_that_read_leave_standard_error_as_it_was(
    tmp_path, picture, capfd
):
    Image.fromarray(picture).save(tmp_path / "a.png")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(read_fundus, 200 * [tmp_path / "a.png"]))
    os.write(2, b"still here")
    assert capfd.readouterr().err == "still here"


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_exif_orientation_is_honoured(tmp_path, suffix):
    upright = np.zeros((32, 64), np.uint8)
    upright[:, :32] = 255
    turned_by_camera = np.rot90(upright, 1)
    exif = Image.Exif()
    exif[0x0112] = 6  # To be shown turned by 90 degrees clockwise.
    Image.fromarray(np.ascontiguousarray(turned_by_camera)).save(
        tmp_path / f"a.{suffix}", exif=exif
    )
    seen = read_ffa(tmp_path / f"a.{suffix}")[..., 0]
    assert seen.shape == upright.shape
    assert np.abs(seen.astype(int) - upright).mean() < 3


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp", "gif"])
@pytest.mark.parametrize("kept", [0.0, 0.02, 0.5, 0.97])
def test_a_truncated_file_is_refused_by_name(tmp_path, picture, suffix, kept):
    path = tmp_path / f"eye.{suffix}"
    Image.fromarray(picture).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(InputError, match=f"eye.{suffix}: "):
        read_fundus(path)


@pytest.mark.parametrize(
    "content", [b"no picture at all", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"]
)
def test_a_file_that_is_no_image_is_refused_by_name(tmp_path, content):
    path = tmp_path / "eye.png"
    path.write_bytes(content)
    with pytest.raises(InputError, match="eye.png: .*(not a|cut short)"):
        read_ffa(path)


def test_absent_files_and_folders_are_refused_by_name(tmp_path):
    with pytest.raises(InputError, match="gone.png: no such file"):
        read_fundus(tmp_path / "gone.png")
    with pytest.raises(InputError, match="is a directory"):
        read_fundus(tmp_path)


def test_floating_point_samples_are_refused(tmp_path):
    cv2.imwrite(str(tmp_path / "a.tif"), np.ones((9, 9, 3), np.float32))
    with pytest.raises(InputError, match="8 or 16 bits"):
        read_fundus(tmp_path / "a.tif")


def test_a_small_file_that_unpacks_to_gigabytes_is_refused(
    tmp_path, run_program
):
    side = 30_000

    def chunk(kind, content):
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(
            ">I", check
        )  # fmt: skip

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(64))
    (tmp_path / "bomb.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels)
        + chunk(b"IEND", b"")
    )  # fmt: skip
    program = (
        "from ffa_keras import cli; from ffa_keras.images.files import *;"
        f"cli.run(lambda: read_ffa({str(tmp_path / 'bomb.png')!r}))"
    )
    done = run_program("-c", program, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "bomb.png: more than" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("shape", [(5, 7), (5, 7, 1), (5, 7, 3)])
def test_what_is_written_is_read_back(tmp_path, shape):
    image = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    write_png(tmp_path / "new" / "a.png", image)
    read = read_fundus if shape[-1] == 3 else read_ffa
    np.testing.assert_array_equal(
        read(tmp_path / "new" / "a.png").reshape(shape), image
    )
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["a.png"]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    write_png(tmp_path / "a.png", np.zeros((4, 4), np.uint8))
    before = (tmp_path / "a.png").read_bytes()
    with pytest.raises(cv2.error):
        write_png(tmp_path / "a.png", np.zeros((4, 4, 7), np.uint8))
    assert (tmp_path / "a.png").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def _disc(shape, centre, radius):
    ys, xs = np.mgrid[: shape[0], : shape[1]]
    return (xs - centre[0]) ** 2 + (ys - centre[1]) ** 2 < radius**2


def _overlap(first, second):
    return (first & second).sum() / (first | second).sum()


@pytest.mark.parametrize("surround", [0, 12, 51, 81])
@pytest.mark.parametrize("retina", [30, 90])
def test_field_of_view_is_the_disc(surround, retina):
    disc = _disc((300, 340), (170, 150), 140)
    noise = np.random.default_rng(0).normal(0, 2, disc.shape)
    texture = surround + 25 + retina + noise * 2
    texture[120:150, 160:190] = 0  # A dark lesion is retina all the same.
    image = np.where(disc, texture, surround).clip(0, 255).astype(np.uint8)
    assert _overlap(field_of_view(image), disc) > 0.98
    assert _overlap(field_of_view(image[..., None]), disc) > 0.98


def test_burnt_in_text_is_no_retina():
    disc = _disc((300, 340), (170, 150), 135)
    image = np.where(disc, 120, 0).astype(np.uint8)
    cv2.putText(image, "12:30", (2, 14), 0, 0.5, 255, 1)
    assert not field_of_view(image)[:20, :60].any()


def test_a_retina_that_fills_the_frame_is_all_valid():
    noise = np.random.default_rng(0).normal(0, 6, (200, 200))
    ramp = np.linspace(50, 140, 200)[:, None]
    assert field_of_view((ramp + noise).astype(np.uint8)).all()


def test_a_black_frame_has_no_field_of_view():
    assert not field_of_view(np.zeros((50, 60, 3), np.uint8)).any()


@pytest.mark.real_data
def test_field_of_view_agrees_with_masks_drawn_by_hand(real_photographs):
    folder = real_photographs / "drive"
    for number in range(1, 11):
        image = read_fundus(folder / f"{number:02d}_test.tif")
        mask = read_ffa(folder / f"{number:02d}_test_mask.gif")
        assert _overlap(field_of_view(image), mask[..., 0] > 0) > 0.98, number
