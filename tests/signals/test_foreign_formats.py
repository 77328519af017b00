"""A file is decoded as one of the formats that are taken, whatever it is called; nothing else is begun."""

import io
import os
import struct
import subprocess

import numpy as np
import pytest
import soundfile
from PIL import Image

from model_metamers import InputError, SignalSpec
from model_metamers.corpora import image_dataset
from model_metamers.signals import files, images, sounds

PICTURE = SignalSpec("image", (8, 8, 3), 0.0, 255.0)
SOUND = SignalSpec("sound", (400,), -1.0, 1.0, sample_rate=8000, rms=0.1)


@pytest.fixture(autouse=True)
def no_programs(monkeypatch):
    """Whoever starts another program fails the test."""

    def started(*about, **more):
        raise BaseException("a program was started")  # no decoder's error: nobody catches it

    for place, name in ((subprocess, "Popen"), (os, "system"), (os, "popen"), (os, "posix_spawn")):
        monkeypatch.setattr(place, name, started)


def encoded(kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(file, kind)  # the smallest icon
    return file.getvalue()


PICTURES = {
    "PostScript": encoded("EPS"),
    "PostScript that lists a folder": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"
    b"(*) {==} 99 string filenameforall\n",
    "DOS PostScript": b"\xc5\xd0\xd3\xc6"
    + struct.pack("<II", 30, 20)
    + bytes(18)
    + b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "PDF": encoded("PDF"),
    "WMF": b"\xd7\xcd\xc6\x9a\0\0"
    + struct.pack("<4hH", 0, 0, 9, 9, 72)
    + bytes(8)
    + b"\x01\0\x09\0"
    + bytes(80),
    "EMF": b"\x01\0\0\0" + bytes(36) + b" EMF" + bytes(80),
    "FITS": b"SIMPLE  =                    T".ljust(80) + b"END".ljust(2800),
    "FLI": struct.pack("<IHHHH", 128, 0xAF11, 1, 8, 8) + bytes(2) + bytes(200),
    "PSD": b"8BPS\0\x01" + bytes(6) + struct.pack(">HIIHH", 3, 8, 8, 8, 3) + bytes(300),
    "BLP": b"BLP2" + struct.pack("<iBBBBII", 1, 1, 0, 0, 0, 8, 8) + bytes(1300),
    "DDS": encoded("DDS"),
    "SPIDER": np.array([1, 8, 0, 0, 1, *[0] * 6, 8, 13, 0, 0, 0, 0, 0, 0, 0, 0, 416, 32], ">f4").tobytes(),
    "IM": encoded("IM"),
    "MPEG": b"\0\0\1\xb3" + bytes(100),
    "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(100),
    "GRIB": b"GRIB\0\0\0\1" + bytes(100),
    "BUFR": b"BUFR" + bytes(100),
    "XPM": b'/* XPM */\nstatic char *a[] = {\n"1 1 1 1",\n"a c #000000",\n"a"};\n',
    "XBM": b"#define a_width 8\n#define a_height 8\nstatic char a_bits[] = {0,0,0,0,0,0,0,0};\n",
    "SVG": b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
    "ImageMagick's": b"push graphic-context\nfill 'url(https://example.org/\"|id\")'\npop graphic-context\n",
    "an archive": b"PK\3\4" + bytes(100),
    "a program": b"\x7fELF" + bytes(100),
    "a script": b"#!/bin/sh\ntouch was_run\n",
    "a page": b"<html><script>1</script></html>",
}


@pytest.mark.parametrize("kind", PICTURES)
@pytest.mark.parametrize("name", ["cat.png", "cat.jpg", "cat.eps"])
def test_what_is_no_photograph_is_not_decoded_by_any_name(tmp_path, kind, name):
    path = tmp_path / name
    path.write_bytes(PICTURES[kind])
    ways = [
        lambda: images.load_image(path, PICTURE),
        lambda: images.decode_image(PICTURES[kind], PICTURE, name),
        lambda: images.conversions(path),
        lambda: images.show(PICTURES[kind], name),
        lambda: image_dataset._encoded(path),
    ]
    if name != "cat.eps":  # which no folder is searched for
        ways.append(lambda: files.load_signals(files.find_files([path], PICTURE), PICTURE))
    for way in ways:
        with pytest.raises(InputError, match=f"{name}: no readable image file") as caught:
            way()
        assert "\n" not in str(caught.value)
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("kind", sorted(set(Image.SAVE) & set(images.FORMATS)))
def test_photographs_are_taken_by_the_name_of_another(tmp_path, kind):
    """As before: people have PNGs called .jpg."""
    (tmp_path / "a.png").write_bytes(encoded(kind))
    assert images.load_image(tmp_path / "a.png", PICTURE).shape == PICTURE.shape


WAVE = 0.3 * np.sin(np.arange(800))


def sound(kind: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, WAVE, 8000, format=kind, subtype=soundfile.default_subtype(kind))
    return file.getvalue()


OTHERS = sorted(set(soundfile.available_formats()) - set(sounds.FORMATS) - {"RAW", "SD2"})
SOUNDS = {
    **{kind: sound(kind) for kind in OTHERS},
    "RAW": bytes(1600),
    "text": b"hello",
    "empty": b"",
    "an archive": b"PK\3\4" + bytes(100),
    "an FFmpeg list": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
    "a program": b"\x7fELF" + bytes(100),
}


@pytest.mark.parametrize("kind", SOUNDS)
@pytest.mark.parametrize(
    "name", ["cat.wav", "cat.flac", "cat.mp3", "cat.mat", "cat.raw", "cat.sd2", "cat.vox"]
)
def test_sounds_of_other_formats_are_not_read_by_any_name(tmp_path, kind, name):
    path = tmp_path / name
    path.write_bytes(SOUNDS[kind])
    ways = [lambda: sounds.read_waveform(path, 8000), lambda: sounds.load_sound(path, SOUND)]
    ways += [lambda: sounds.duration_s(path), lambda: sounds.conversions(path, SOUND)]
    for way in ways:
        with pytest.raises(InputError, match=name) as caught:
            way()
        assert "\n" not in str(caught.value)


def test_a_hidden_file_beside_a_sound_is_not_opened(tmp_path, monkeypatch):
    """libsndfile looks for Sound Designer II in the resource fork, `._NAME`."""
    soundfile.write(tmp_path / "cat.sd2", WAVE, 8000, format="SD2", subtype="PCM_16")
    fork = tmp_path / "._cat.sd2"
    assert fork.exists() and soundfile.info(tmp_path / "cat.sd2").format == "SD2"
    for name in ("cat.sd2", "cat.wav"):
        (tmp_path / "cat.sd2").rename(tmp_path / name)
        fork = fork.rename(tmp_path / f"._{name}")
        with pytest.raises(InputError, match="by its first bytes it is none of"):
            sounds.read_waveform(tmp_path / name, 8000)
        (tmp_path / name).rename(tmp_path / "cat.sd2")


@pytest.mark.parametrize("kind", sounds.FORMATS)
@pytest.mark.parametrize("name", ["cat.wav", "cat.mp3"])
def test_sounds_that_are_taken_are_taken_by_the_name_of_another(tmp_path, kind, name):
    (tmp_path / name).write_bytes(sound(kind))
    assert len(sounds.read_waveform(tmp_path / name, 8000)) == len(WAVE)


@pytest.mark.parametrize("front", [b"ID3\x04\0\0\0\0\0\x0a" + bytes(10), bytes(500), b"junk" * 5])
def test_an_mp3_may_have_other_bytes_in_front(tmp_path, front):
    (tmp_path / "a.mp3").write_bytes(front + sound("MP3"))
    assert len(sounds.read_waveform(tmp_path / "a.mp3", 8000)) == len(WAVE)
