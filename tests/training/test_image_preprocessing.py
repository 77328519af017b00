"""Slim's preprocessing: its arithmetic, its ranges, its statistics."""

import io
import itertools

import numpy as np
import pytest
import skimage.data
import tensorflow as tf
from PIL import Image

from model_metamers import InputError
from model_metamers.training import image_preprocessing as preprocessing

_TRAINING = [(p.training, size) for p, size in itertools.product(preprocessing.PREPROCESSING.values(), [75])]
_HEIGHT, _WIDTH = 60, 96


def _encoded(mode: str = "RGB", kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    photo = Image.fromarray(skimage.data.chelsea()[:200, :320])
    photo.convert(mode).save(file, kind)
    return file.getvalue()


def _photo() -> np.ndarray:
    return skimage.data.chelsea()[:200, :320].astype(np.float64) / 255


def _bilinear(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """TensorFlow 1's resizing, grids aligned at the top left."""
    for axis, length in ((0, height), (1, width)):
        places = np.arange(length) * image.shape[axis] / length
        below = places.astype(int)
        above = np.minimum(below + 1, image.shape[axis] - 1)
        share = (places - below).reshape([-1, 1, 1] if axis == 0 else [1, -1, 1])
        image = np.take(image, below, axis) * (1 - share) + np.take(image, above, axis) * share
    return image


def _seeds(count: int) -> tf.data.Dataset:
    return tf.data.Dataset.range(count).map(lambda i: tf.stack([i, tf.constant(11, tf.int64)]))


def _draw(function, count: int = 400) -> list:
    return list(_seeds(count).map(function).as_numpy_iterator())


def test_inception_evaluation():
    image = preprocessing.inception_evaluation(_encoded(), 60).numpy()
    # 0.875 of 200 x 320 pixels is 175 x 280; tf.image.central_crop cuts int(12.5) rows off the top.
    expected = _bilinear(_photo()[12:188, 20:300], 60, 60)
    np.testing.assert_allclose(image, expected, atol=1e-5)


def test_vgg_evaluation():
    image = preprocessing.vgg_evaluation(_encoded(), 224).numpy()
    expected = _bilinear(_photo(), 256, 410)[16:240, 93:317]  # 320 * 1.28 = 409.6
    np.testing.assert_allclose(image, expected, atol=1e-4)


def test_vgg_evaluation_of_a_tall_image():
    file = io.BytesIO()
    Image.fromarray(skimage.data.chelsea()[:200, :320].transpose(1, 0, 2)).save(file, "PNG")
    image = preprocessing.vgg_evaluation(file.getvalue(), 224).numpy()
    np.testing.assert_allclose(
        image.transpose(1, 0, 2), preprocessing.vgg_evaluation(_encoded(), 224), atol=1e-5
    )


@pytest.mark.parametrize(("training", "size"), _TRAINING)
@pytest.mark.parametrize("dtype", [tf.int32, tf.int64])
def test_the_seed_decides(training, size, dtype):
    first, again, other = (
        training(_encoded(), size, tf.constant([s, 2**31 - 1], dtype)).numpy() for s in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).mean() > 0.01


@pytest.mark.parametrize(("training", "size"), _TRAINING)
def test_images_in_a_dataset_have_shape_and_range(training, size):
    encoded = _encoded(kind="JPEG")
    images = _seeds(40).map(lambda seed: training(encoded, size, seed)).batch(40)
    assert images.element_spec.shape.as_list() == [None, size, size, 3]
    (batch,) = images
    assert batch.dtype == tf.float32 and float(tf.reduce_min(batch)) >= 0 and float(tf.reduce_max(batch)) <= 1


@pytest.mark.parametrize(
    ("mode", "kind", "tolerance"),
    [
        ("RGB", "JPEG", 0.03),
        ("CMYK", "JPEG", 0.03),
        ("RGBA", "PNG", 1e-6),
        ("P", "PNG", 0.05),
    ],
)
def test_every_kind_of_file_gives_its_colours(mode, kind, tolerance):
    image = preprocessing.inception_evaluation(_encoded(mode, kind), 60)
    assert np.abs(image - preprocessing.inception_evaluation(_encoded(), 60)).mean() < tolerance


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_grey_files_have_three_equal_channels(kind):
    image = preprocessing.vgg_evaluation(_encoded("L", kind), 64).numpy()
    assert image.shape == (64, 64, 3) and image.std() > 0.05
    assert (image == image[:, :, :1]).all()


def test_crops_keep_slims_limits():
    crops = np.array(_draw(lambda s: tf.shape(preprocessing.distorted_crop(tf.zeros([150, 200, 3]), s))))
    area, aspect = crops[:, 0] * crops[:, 1] / (150 * 200), crops[:, 1] / crops[:, 0]
    # Whole pixels round the aspect of small crops.
    assert 0.1 <= area.min() < 0.13 and 0.8 < area.max() <= 1.0
    assert 0.74 < aspect.min() < 0.78 and 1.28 < aspect.max() < 1.35
    assert 0.30 < area.mean() < 0.45 and 1.0 < aspect.mean() < 1.08


def test_crops_hold_a_tenth_of_a_box():
    rows, columns = np.mgrid[:150, :200].astype(np.float32)
    places = tf.constant(np.stack([rows, columns, columns], axis=2))
    box = tf.constant([[0.8, 0.8, 1.0, 1.0]])

    def corners(seed):
        crop = preprocessing.distorted_crop(places, seed, box)
        return tf.stack([crop[0, 0, :2], crop[-1, -1, :2] + 1.0])

    ends = np.array(_draw(corners))
    overlap = np.maximum(0, np.minimum(ends[:, 1], [150, 200]) - np.maximum(ends[:, 0], [120, 160]))
    covered = overlap.prod(axis=1) / (30 * 40)
    extent = ends[:, 1] - ends[:, 0]
    assert covered.min() >= 0.1
    assert 0.04 < extent.prod(axis=1).min() / (150 * 200) < 0.1  # now down to 0.05


def test_vgg_draws_sides_places_and_mirrors():
    rows, columns = np.mgrid[:_HEIGHT, :_WIDTH]
    file = io.BytesIO()
    Image.fromarray(np.stack([columns, rows, rows], axis=2).astype(np.uint8)).save(file, "PNG")
    encoded, size = file.getvalue(), 200

    def corners(seed):
        image = preprocessing.vgg_training(encoded, size, seed) * 255.0
        return tf.stack([image[0, 0], image[-1, -1]])

    ends = np.array(_draw(corners))
    mirrored = ends[:, 1, 0] < ends[:, 0, 0]
    side = _HEIGHT * (size - 1) / np.abs(ends[:, 1, 1] - ends[:, 0, 1])
    assert 0.4 < mirrored.mean() < 0.6
    inside = np.abs(ends[:, 1]).max(axis=1) < _HEIGHT - 1  # the last row and column are repeated
    side = side[inside]
    assert 255 < side.min() < 270 and 500 < side.max() < 513 and 370 < side.mean() < 405
    top = ends[:, 0, 1][inside] * side / _HEIGHT / (side - size)
    assert top.min() < 0.05 and top.max() > 0.8 and top.max() < 1.01


def test_colours_move_as_far_as_slims():
    grey = tf.fill([4, 4, 3], 0.5)
    # A flat grey has no saturation, hue nor contrast: brightness alone moves it.
    levels = np.array(_draw(lambda s: preprocessing.distort_colours(grey, s)[0, 0, 0])) - 0.5
    assert np.abs(levels).max() <= 32 / 255 + 1e-6
    assert levels.min() < -0.11 and levels.max() > 0.11 and abs(levels.mean()) < 0.015


def test_fast_mode_leaves_hue_and_contrast():
    colour = tf.constant([[[0.5, 0.4, 0.4], [0.6, 0.5, 0.5]]])

    def measure(seed):
        image = preprocessing.distort_colours(colour, seed, fast_mode=True)
        hue = tf.image.rgb_to_hsv(image)[0, 0, 0]
        return tf.stack([tf.minimum(hue, 1 - hue), image[0, 1, 0] - image[0, 0, 0], image[0, 0, 0]])

    hue, contrast, level = np.array(_draw(measure)).T
    assert hue.max() < 1e-4 and contrast.min() > 0.099 and contrast.max() < 0.101 and level.std() > 0.04


def test_contrast_scales_by_half_to_one_and_a_half():
    steps = tf.constant([[[0.45] * 3, [0.55] * 3]])
    spans = np.array(
        _draw(lambda s: tf.reduce_sum(preprocessing.distort_colours(steps, s)[0, :, 0] * [-10.0, 10.0]))
    )
    assert 0.499 < spans.min() < 0.53 and 1.47 < spans.max() < 1.501 and 0.95 < spans.mean() < 1.05


def test_all_four_orders_of_colours_occur(monkeypatch):
    # With these in place of the four distortions the image tells the order they came in.
    for number, name in enumerate(["brightness", "saturation", "hue", "contrast"], start=1):
        monkeypatch.setattr(
            tf.image, f"stateless_random_{name}", lambda x, *_, n=float(number): x * 5.0 + n * 1e-3
        )
    codes = np.array(_draw(lambda s: preprocessing.distort_colours(tf.zeros([1, 1, 3]), s)[0, 0, 0]))
    found, counts = np.unique(np.round(codes * 1e3).astype(int), return_counts=True)
    orders = [(1, 2, 3, 4), (2, 1, 4, 3), (4, 3, 1, 2), (3, 2, 4, 1)]
    assert set(found) == {((a * 5 + b) * 5 + c) * 5 + d for a, b, c, d in orders}
    assert counts.min() > 60


def test_vgg_refuses_sizes_above_its_smallest_side():
    for function, more in (
        (preprocessing.vgg_training, [tf.constant([0, 1])]),
        (preprocessing.vgg_evaluation, []),
    ):
        with pytest.raises(InputError, match="images of 299 pixels"):
            function(_encoded(), 299, *more)


def test_a_damaged_file_is_an_error():
    with pytest.raises(tf.errors.InvalidArgumentError):
        preprocessing.inception_evaluation(_encoded(kind="JPEG")[:100], 60)
