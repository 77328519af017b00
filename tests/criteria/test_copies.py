"""Which signals are copies: shifted, louder, recoloured, cropped; and which are not."""

import numpy as np
import pytest

from model_metamers.corpora import demo_stimuli
from model_metamers.criteria.copies import Compared


def alike(kind: str, one: np.ndarray, other: np.ndarray) -> float | None:
    """How alike two signals are; None where they are no copies."""
    compared = Compared(kind)
    compared.add(np.stack([one, other]).astype(np.float32))
    places, likeness = compared.copies(np.array([[0, 1]]))
    return float(likeness[0]) if len(places) else None


@pytest.fixture(scope="module")
def photographs() -> list[np.ndarray]:
    """Photographs of installed libraries, 64 x 64 x 3, 0 to 1, without textures."""
    shrunk = []
    for name, pixels in demo_stimuli.photographs():
        if name in ("brick", "grass", "gravel", "hubble_deep_field"):
            continue
        side = min(pixels.shape[:2]) // 64 * 64
        blocks = pixels[:side, :side].reshape(64, side // 64, 64, side // 64, -1).mean((1, 3)) / 255
        shrunk.append(np.broadcast_to(blocks, (64, 64, 3)))
    return shrunk


@pytest.mark.parametrize(
    ("change", "least"),
    [
        (lambda image: image, 1.0),
        (lambda image: 0.3 + 0.5 * image, 0.999),
        (lambda image: image * [0.98, 1.0, 0.96], 0.95),
        (lambda image: np.roll(image, 2, axis=1), 0.9),
        (lambda image: np.round(image * 24) / 24, 0.9),
    ],
)
def test_pictures_changed_a_little_are_copies(photographs, change, least):
    found = [alike("image", image, change(image)) for image in photographs]
    assert all(one is not None and one >= least - 1e-6 for one in found), found


def test_different_photographs_are_none(photographs):
    count = len(photographs)
    compared = Compared("image")
    compared.add(np.stack(photographs).astype(np.float32))
    pairs = np.stack(np.triu_indices(count, 1), axis=1)
    assert count >= 4 and compared.copies(pairs)[0].tolist() == []


def test_a_picture_and_its_mirror_image_are_none(photographs):
    assert all(alike("image", image, image[:, ::-1]) is None for image in photographs)


def sound(seed: int, samples: int = 8000) -> np.ndarray:
    return np.cumsum(np.random.RandomState(seed).randn(samples)) % 3 - 1.5


@pytest.mark.parametrize(
    ("change", "copied"),
    [
        (lambda x: x, True),
        (lambda x: 0.2 * x + 0.1, True),
        (lambda x: -x, True),
        (lambda x: np.concatenate([np.zeros(60), x[:-60]]), True),
        (lambda x: x + 0.1 * x.std() * np.random.RandomState(9).randn(len(x)), True),
        (lambda x: x + x.std() * np.random.RandomState(9).randn(len(x)), False),
        (lambda x: x[::-1], False),
        (lambda x: sound(7), False),
    ],
)
def test_sounds_changed_a_little_are_copies(change, copied):
    assert (alike("sound", sound(1), change(sound(1))) is not None) == copied


def test_constant_signals_are_copies_where_they_are_equal():
    for kind, shape in (("sound", (500,)), ("image", (8, 8, 1)), ("cochleagram", (20, 30, 1))):
        zeros = np.zeros(shape)
        assert alike(kind, zeros, zeros) == 1.0
        assert alike(kind, zeros, np.random.RandomState(0).rand(*shape)) is None
        assert alike(kind, zeros, zeros + 1) is None
