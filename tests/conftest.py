"""Networks and signals that many tests share."""

import os
import signal

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pytest
import skimage.data
import tensorflow as tf

import model_metamers as mm
from model_metamers.networks.auditory_cnn import AuditoryCNN, word_architecture
from model_metamers.networks.tasks import WORD_TASK
from model_metamers.networks.vgg import VGG
from model_metamers.signals import images
from model_metamers.signals.cochleagram_config import CochleagramConfig

# A shell's background jobs ignore Ctrl-C, and so would the programs that the tests stop with it.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def quiet_home(tmp_path_factory, monkeypatch):
    """No test leans on the user's settings."""
    monkeypatch.setenv("HOME", str(tmp_path_factory.getbasetemp()))


def make_tiny_vgg(seed: int = 0) -> VGG:
    """VGG-19 of the package's code, a few channels wide, with random weights."""
    network = VGG(
        "vgg_tiny",
        [f"class_{i}" for i in range(7)],
        image_size=32,
        widths=(3, 4, 4, 6, 6),
        fc_width=8,
        pixel_std=64.0,
        kernel_initializer="he_normal",
    )
    network.initialize(seed)
    return network


def make_tiny_word_cnn(reduced_aliasing: bool = True, seed: int = 0) -> AuditoryCNN:
    """An auditory CNN of the package's code on a quarter of a second at 4 kHz."""
    layers = (
        "cochleagram",
        "pool_0_0" if reduced_aliasing else "conv_0",
        "conv_2",
        "fc_intermediate",
        "logits",
    )
    network = AuditoryCNN(
        "word_tiny",
        word_architecture(reduced_aliasing, (3, 4, 4, 5, 4), 8, {WORD_TASK: 6}),
        layers,
        [f"word_{i}" for i in range(6)],
        CochleagramConfig(sample_rate=4000, num_filters=31, high_hz=1800.0, window_size=201),
        num_samples=1000,
    )
    network.initialize(seed)
    return network


@pytest.fixture(scope="session")
def tiny_vgg() -> VGG:
    return make_tiny_vgg()


@pytest.fixture(scope="session")
def tiny_word_cnn() -> AuditoryCNN:
    return make_tiny_word_cnn()


@pytest.fixture(scope="session")
def small_images() -> np.ndarray:
    """Four 32 x 32 crops of a photograph in [0, 1]."""
    photo = skimage.data.chelsea()
    spec = mm.SignalSpec("image", (32, 32, 3), 0.0, 1.0)
    crops = [photo[r : r + 128 : 4, c : c + 128 : 4] for r, c in ((0, 0), (0, 200), (150, 0), (150, 200))]
    return np.stack([images.from_uint8(crop, spec) for crop in crops])


@pytest.fixture(scope="session")
def small_sounds() -> np.ndarray:
    """Four sounds of 1000 samples at RMS 0.1: harmonic glides with an envelope."""
    random = np.random.RandomState(5)
    time = np.arange(1000) / 4000
    rows = []
    for _ in range(4):
        pitch = random.uniform(90, 200) + random.uniform(-60, 60) * time
        phase = 2 * np.pi * np.cumsum(pitch) / 4000
        sound = sum(np.sin(k * phase) / k for k in range(1, 6)) * np.hanning(1000)
        rows.append(0.1 * sound / np.sqrt(np.mean(sound**2)))
    return np.stack(rows).astype(np.float32)


@pytest.fixture(autouse=True)
def same_seed():
    tf.random.set_seed(0)
