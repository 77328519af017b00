"""Pictures of sounds of any rate and length."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from model_metamers import plots
from model_metamers.frontends import erb_filters
from model_metamers.frontends.cochleagram import cochleagram
from model_metamers.frontends.picture import picture_frontend, sound_picture
from model_metamers.signals.cochleagram_config import CochleagramConfig


def tone(rate: int, num_samples: int, hz: float) -> np.ndarray:
    return 0.1 * np.sin(2 * np.pi * hz * np.arange(num_samples) / rate)


@pytest.mark.parametrize(
    ("rate", "num_samples", "hz"),
    [
        (4000, 4000, 700),
        (8000, 400, 1500),
        (8000, 8000, 3000),
        (11025, 11025, 440),
        (16000, 12345, 6000),
        (20000, 101, 1000),
        (22050, 22051, 250),
        (44100, 44100, 4000),
        (192000, 19200, 2000),
        (1000, 500, 300),
    ],
)
def test_a_tone_lies_at_its_frequency_and_lasts_as_long_as_it_does(rate, num_samples, hz):
    frontend = picture_frontend(rate)
    values = sound_picture(tone(rate, num_samples, hz), rate, frontend)
    assert values.shape == (171, np.ceil(num_samples / rate * 200)) and np.isfinite(values).all()
    centers_hz = erb_filters.erb_centers_hz(171, frontend.low_hz, frontend.high_hz, frontend.sample_factor)
    loudest = centers_hz[values[:, values.shape[1] // 2].argmax()]
    assert loudest == pytest.approx(hz, rel=0.15)
    axes = Figure().add_subplot()
    plots.sound(axes, tone(rate, num_samples, hz), rate, frontend)
    left, right, *_ = axes.get_images()[0].get_extent()
    assert (left, right) == (0, pytest.approx(num_samples / rate, abs=1 / 200))


@pytest.mark.parametrize(("rate", "num_samples"), [(50, 10), (1000, 1), (48000, 2), (100, 7)])
def test_the_shortest_and_slowest_sounds_have_a_picture_too(rate, num_samples):
    values = sound_picture(np.ones(num_samples), rate, picture_frontend(rate))
    assert values.shape[0] == 171 and values.shape[1] >= 1 and np.isfinite(values).all()


def test_a_sound_that_fits_its_front_end_is_drawn_as_it_hears_it():
    config = CochleagramConfig(sample_rate=4000, num_filters=31, high_hz=1800.0, window_size=201)
    sound = tone(4000, 8000, 500).astype(np.float32)
    heard = cochleagram(sound[np.newaxis], config)[0, :, :, 0].numpy()
    # Where a band is silent, float32 leaves roundings that the power of 0.3 magnifies to one level of grey.
    np.testing.assert_allclose(sound_picture(sound, 4000, config), heard, atol=1.1 * heard.max() / 255)
