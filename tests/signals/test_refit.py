"""Signals of one network as another takes them."""

import dataclasses

import numpy as np
import pytest
import soxr
from PIL import Image

import model_metamers as mm
from model_metamers import InputError
from model_metamers.signals.refit import refit

IMAGE = mm.SignalSpec("image", (32, 32, 3), 0.0, 1.0)


def test_image_of_another_size_and_range():
    pixels = np.asarray(Image.effect_noise((48, 40), 90).resize((48, 40)).convert("RGB"))
    own = mm.SignalSpec("image", (40, 48, 3), 0.0, 1.0)
    other = mm.SignalSpec("image", (20, 20, 3), -1.0, 1.0)
    found = refit(pixels.astype(np.float32) / 255, own, other, "noise")
    cropped = Image.fromarray(pixels[:, 4:44]).resize((20, 20), Image.Resampling.BILINEAR)
    expected = np.asarray(cropped) / 127.5 - 1
    assert found.dtype == np.float32 and found.std() > 0.1
    np.testing.assert_allclose(found, expected, atol=1.01 / 127.5)  # the loader rounds to 8 bits, twice
    image = np.random.RandomState(0).rand(32, 32, 3).astype(np.float32)
    assert np.array_equal(refit(image, IMAGE, IMAGE, "same"), image)


def test_sound_of_another_rate_and_length_keeps_its_level():
    own = mm.SignalSpec("sound", (8000,), -1.0, 1.0, sample_rate=8000, rms=0.1)
    other = mm.SignalSpec("sound", (2000,), -1.0, 1.0, sample_rate=4000, rms=0.02)
    time = np.arange(8000) / 8000
    sound = (0.01 + 0.3 * np.sin(2 * np.pi * 440 * time) * (np.abs(time - 0.5) < 0.25)).astype(np.float32)
    found = refit(sound, own, other, "tone")
    expected = soxr.resample(sound.astype(np.float64), 8000, 4000, quality="VHQ")[1000:3000]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.sqrt(np.mean(found**2)) == pytest.approx(np.sqrt(np.mean(sound[2000:6000] ** 2)), rel=0.01)
    assert found.mean() == pytest.approx(0.01, abs=1e-3)  # nor is the mean removed
    with pytest.raises(InputError, match=r"tone: 1\.000 s is too short for a network that takes 1\.250 s"):
        refit(sound, own, dataclasses.replace(other, shape=(5000,)), "tone")
    with pytest.raises(InputError, match="of kind 'sound', the network takes 'image'"):
        refit(sound, own, IMAGE, "tone")
