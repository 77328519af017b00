"""Images given in Python: PIL's, and pixels as arrays."""

import numpy as np
import pytest
from PIL import Image

from model_metamers import InputError, SignalSpec, load_image
from tests.builders.pictures import quartered, quarters_of

SPEC = SignalSpec("image", (32, 32, 3), 0.0, 255.0)
SOUND = SignalSpec("sound", (8000,), -1.0, 1.0, sample_rate=8000, rms=0.1)


@pytest.mark.parametrize(
    "given",
    [
        quartered(),
        np.asarray(quartered()),
        np.dstack([np.asarray(quartered()), np.full([64, 64], 255, np.uint8)]),
        quartered().convert("RGBA"),
        quartered().quantize(8),
    ],
    ids=["PIL", "pixels", "pixels with alpha", "PIL RGBA", "PIL palette"],
)
def test_pil_images_and_pixels_are_taken(given):
    assert quarters_of(load_image(given, SPEC)) == [0, 1, 2, 3]


def test_grey_pixels_are_taken():
    assert (load_image(np.full([40, 50], 7, np.uint8), SPEC) == 7).all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros([64, 64, 3]), "pixels of float64 .*expected uint8"),
        (np.zeros([64, 64, 2], np.uint8), "expected uint8"),
        (np.zeros([0, 64, 3], np.uint8), "expected uint8"),
        (np.zeros([2, 64, 64, 3], np.uint8), "expected uint8"),
        (Image.new("F", (40, 40)), "the image: pixels of mode 'F'"),
        (None, "got NoneType"),
        (b"bytes", "got bytes"),
        ([1, 2], "got list"),
    ],
)
def test_what_is_no_image_is_refused_in_one_line(given, message):
    with pytest.raises(InputError, match=message):
        load_image(given, SPEC)


def test_a_network_of_sounds_takes_no_image():
    with pytest.raises(InputError, match="takes a sound, no image"):
        load_image(quartered(), SOUND)
