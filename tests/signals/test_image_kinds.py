"""Image files as people have them: every kind is read as viewers show it, or refused in one line."""

import io
import logging
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from model_metamers import InputError, SignalSpec, load_image
from model_metamers.signals import files, images
from tests.builders.pictures import quartered, quarters_of

SPEC = SignalSpec("image", (32, 32, 3), 0.0, 255.0)
SOUND = SignalSpec("sound", (8000,), -1.0, 1.0, sample_rate=8000, rms=0.1)
# Which stored quarter (0, 1 above; 2, 3 below) is shown at each place, by EXIF's orientation.
SHOWN = {
    1: (0, 1, 2, 3),
    2: (1, 0, 3, 2),
    3: (3, 2, 1, 0),
    4: (2, 3, 0, 1),
    5: (0, 2, 1, 3),
    6: (2, 0, 3, 1),
    7: (3, 1, 2, 0),
    8: (1, 3, 0, 2),
}


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def saved(path, image: Image.Image, kind: str, **options):
    path.write_bytes(encoded(image, kind, **options))
    return path


@pytest.mark.parametrize("orientation", SHOWN)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_orientation_is_obeyed_in_files_and_in_records(tmp_path, kind, orientation):
    if kind not in images.FORMATS:
        pytest.skip(f"this Pillow has no {kind}")
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(quartered(), kind, exif=exif)
    (tmp_path / "a").write_bytes(content)
    for loaded in (load_image(tmp_path / "a", SPEC), images.decode_image(content, SPEC, "a record")):
        assert quarters_of(loaded) == list(SHOWN[orientation])
    if kind != "TIFF":  # Pillow turns those itself
        told = images.conversions(tmp_path / "a")
        assert told == ([] if orientation == 1 else ["turned as their EXIF data say"])


@pytest.mark.parametrize("orientation", [0, 9, 255, 65535])
def test_orientations_that_mean_nothing_turn_nothing(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    saved(tmp_path / "a.png", quartered(), "PNG", exif=exif)
    assert quarters_of(load_image(tmp_path / "a.png", SPEC)) == [0, 1, 2, 3]


@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0" + bytes(40)])
def test_damaged_exif_data_are_passed_over(tmp_path, exif):
    saved(tmp_path / "a.jpg", quartered(), "JPEG", exif=exif)
    assert quarters_of(load_image(tmp_path / "a.jpg", SPEC)) == [0, 1, 2, 3]


def hidden_magenta(mode: str) -> tuple[Image.Image, dict]:
    """An image whose transparent left half hides magenta (grey modes: black), and how to save it."""
    if mode in ("RGBA", "LA"):
        image = Image.new("RGBA", (64, 64), (0, 0, 0, 255))
        image.paste((255, 0, 255, 0), (0, 0, 32, 64))
        return (image, {}) if mode == "RGBA" else (image.convert("LA"), {})
    if mode == "P":
        image = Image.new("P", (64, 64), 1)
        image.putpalette([255, 0, 255, 0, 0, 0])
        image.paste(0, (0, 0, 32, 64))
        return image, {"transparency": 0}
    image = Image.new(mode, (64, 64), 0)
    image.paste({"L": 77, "RGB": (255, 0, 255), "1": 1}[mode], (0, 0, 32, 64))
    return image, {"transparency": {"L": 77, "RGB": (255, 0, 255), "1": 1}[mode]}


@pytest.mark.parametrize(
    ("mode", "kind"),
    [(mode, "PNG") for mode in ("RGBA", "LA", "P", "L", "RGB", "1")]
    + [("P", "GIF"), ("RGBA", "WEBP"), ("RGBA", "TIFF"), ("RGBA", "TGA"), ("RGBA", "ICO"), ("LA", "TIFF")],
)
def test_transparency_is_laid_over_white(tmp_path, mode, kind):
    image, options = hidden_magenta(mode)
    options |= {"lossless": True, "exact": True} if kind == "WEBP" else {}
    content = encoded(image, kind, **options)
    (tmp_path / "a").write_bytes(content)
    for loaded in (load_image(tmp_path / "a", SPEC), images.decode_image(content, SPEC, "a record")):
        np.testing.assert_array_equal(loaded[:, 1:15], 255.0)
        np.testing.assert_array_equal(loaded[:, 17:31], 0.0)
    assert images.conversions(tmp_path / "a") == ["have transparency, laid over white"]


def test_half_transparent_colours_are_mixed_with_white(tmp_path):
    saved(tmp_path / "a.png", Image.new("RGBA", (40, 40), (200, 100, 0, 51)), "PNG")
    np.testing.assert_allclose(load_image(tmp_path / "a.png", SPEC)[5, 5], [244, 224, 204], atol=1)


def test_opaque_images_keep_their_bits(tmp_path):
    pixels = np.random.RandomState(0).randint(0, 256, [32, 32, 3]).astype(np.uint8)
    saved(tmp_path / "a.png", Image.fromarray(pixels).convert("RGBA"), "PNG")
    np.testing.assert_array_equal(load_image(tmp_path / "a.png", SPEC), pixels)


KINDS = {
    "a.jpg": ("JPEG", {}),
    "a.jfif": ("JPEG", {}),
    "a.jpe": ("JPEG", {}),
    "a.MPO": ("JPEG", {}),
    "a.png": ("PNG", {}),
    "a.bmp": ("BMP", {}),
    "a.dib": ("DIB", {}),
    "a.tif": ("TIFF", {}),
    "a.gif": ("GIF", {}),
    "a.webp": ("WEBP", {}),
    "a.avif": ("AVIF", {}),
    "a.jp2": ("JPEG2000", {}),
    "a.j2k": ("JPEG2000", {"no_jp2": True}),
    "a.ppm": ("PPM", {}),
    "a.tga": ("TGA", {}),
    "a.ico": ("ICO", {"sizes": [(64, 64)]}),
    "a.icns": ("ICNS", {}),
    "a.pcx": ("PCX", {}),
    "a.sgi": ("SGI", {}),
    "a.qoi": ("QOI", {}),
}


@pytest.mark.parametrize("name", KINDS)
def test_photographs_that_pillow_opens_are_read_from_a_folder(tmp_path, name):
    kind, options = KINDS[name]
    if kind not in images.FORMATS:
        pytest.skip(f"this Pillow has no {kind}")
    saved(tmp_path / name, quartered(), kind, **options)
    found = files.find_files([tmp_path], SPEC)
    assert quarters_of(files.load_signals(found, SPEC)["a"]) == [0, 1, 2, 3]


@pytest.mark.parametrize("name", ["a.pgm", "a.pbm", "a.pnm"])
def test_grey_kinds_are_read(tmp_path, name):
    mode = "1" if name == "a.pbm" else "L"
    saved(tmp_path / name, Image.new(mode, (40, 40), 255), "PPM")
    assert load_image(tmp_path / name, SPEC).min() == 255.0


@pytest.mark.parametrize("ending", ["heic", "jxl", "svg", "pdf", "eps", "dng", "txt", "mp4"])
def test_files_of_other_kinds_are_told(tmp_path, ending, caplog):
    saved(tmp_path / "a.png", quartered(), "PNG")
    for name in (f"IMG_1.{ending.upper()}", f"IMG_2.{ending}", f"._IMG_1.{ending}", ".DS_Store", "Thumbs.db"):
        (tmp_path / name).write_bytes(b"something")
    (tmp_path / "more").mkdir()
    with caplog.at_level(logging.INFO, "model_metamers"):
        assert list(files.find_files([tmp_path], SPEC)) == ["a"]
    (line,) = caplog.messages
    assert line.endswith(f"passed over: 2 .{ending}, 1 folders (such as IMG_1.{ending.upper()})")
    with pytest.raises(InputError, match=r"this network takes an image .*; convert it first"):
        files.find_files([tmp_path / f"IMG_2.{ending}"], SPEC)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def sixteen_bit_png(colour: int, channels: int) -> bytes:
    rows = (b"\0" + bytes(40 * channels * 2)) * 40
    header = struct.pack(">IIBBBBB", 40, 40, 16, colour, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


DEEP = {
    "grey PNG": sixteen_bit_png(0, 1),
    "RGB PNG": sixteen_bit_png(2, 3),
    "grey PNG with alpha": sixteen_bit_png(4, 2),
    "RGBA PNG": sixteen_bit_png(6, 4),
    "RGB PPM": b"P6 40 40 65535\n" + bytes(40 * 40 * 6),
    "RGB PPM of 10 bits": b"P6 40 40 1023\n" + bytes(40 * 40 * 6),
    "grey PGM": b"P5 40 40 65535\n" + bytes(40 * 40 * 2),
    "grey TIFF": encoded(Image.new("I;16", (40, 40)), "TIFF"),
    "32-bit TIFF": encoded(Image.new("I", (40, 40)), "TIFF"),
    "float TIFF": encoded(Image.new("F", (40, 40)), "TIFF"),
}


@pytest.mark.parametrize("name", DEEP)
def test_more_than_eight_bits_are_refused(tmp_path, name):
    (tmp_path / "a.png").write_bytes(DEEP[name])
    with pytest.raises(InputError, match=r"a\.png: .*expected 8 bits a channel, convert it first"):
        load_image(tmp_path / "a.png", SPEC)
    with pytest.raises(InputError, match=r"a record: .*expected 8 bits"):
        images.decode_image(DEEP[name], SPEC, "a record")


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_several_frames_the_first_is_taken_and_it_is_said(tmp_path, kind):
    others = [Image.new("RGB", (64, 64), (9 * i, 0, 0)) for i in range(2)]
    saved(tmp_path / "a.gif", quartered(), kind, save_all=True, append_images=others)
    assert quarters_of(load_image(tmp_path / "a.gif", SPEC)) == [0, 1, 2, 3]
    assert "hold several frames, of which the first is taken" in images.conversions(tmp_path / "a.gif")


def test_conversions_are_logged_once_with_their_number(tmp_path, caplog):
    exif = Image.Exif()
    exif[0x0112] = 3
    saved(tmp_path / "a.jpg", quartered(), "JPEG", exif=exif)
    saved(tmp_path / "b.jpg", quartered(), "JPEG", exif=exif)
    saved(tmp_path / "c.jpg", quartered(), "JPEG")
    with caplog.at_level(logging.INFO, "model_metamers"):
        files.load_signals(files.find_files([tmp_path], SPEC), SPEC)
    assert caplog.messages == ["2 of 3 images turned as their EXIF data say"]


@pytest.mark.parametrize("error", [RuntimeError, KeyError, struct.error, MemoryError, ZeroDivisionError])
def test_whatever_a_decoder_raises_is_one_line(tmp_path, monkeypatch, error):
    saved(tmp_path / "a.png", quartered(), "PNG")

    def fail(image):
        raise error("first line\nsecond line")

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load_prepare", fail)
    with pytest.raises(InputError, match=r"a\.png: no readable image file \(.*first line") as refusal:
        load_image(tmp_path / "a.png", SPEC)
    assert "\n" not in str(refusal.value)


def test_avif_whose_planes_do_not_decode_is_refused(tmp_path):
    if "AVIF" not in images.FORMATS:
        pytest.skip("this Pillow has no AVIF")
    content = bytearray(encoded(quartered(), "AVIF"))
    place = content.index(b"mdat") + 8
    content[place : place + 40] = bytes(40)
    (tmp_path / "a.avif").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.avif: no readable image file"):
        load_image(tmp_path / "a.avif", SPEC)


def test_postscript_by_the_name_of_a_photograph_is_not_run(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(quartered(), "EPS"))
    with pytest.raises(InputError, match="no readable image file"):
        load_image(tmp_path / "a.png", SPEC)
