"""TF-slim's preprocessing of encoded images, as TensorFlow functions for `tf.data`.

Every function takes one JPEG or PNG and gives float32 [size, size, 3] in [0, 1]. The networks
themselves subtract the mean or scale to [-1, 1]. A training function also takes a seed, int32 or
int64 [2], and gives the same result for the same seed.

Source: tensorflow/models, research/slim/preprocessing, inception_preprocessing.py and
vgg_preprocessing.py. As there, images are resized by TensorFlow 1's bilinear filter, which has no
antialiasing and aligns the top left corners of the two grids rather than their centres.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import tensorflow as tf

from model_metamers.errors import InputError
from model_metamers.training.augmentation import Seed, split_seed

_CENTRAL_FRACTION = 0.875
_CROP_AREA = (0.05, 1.0)
_CROP_ASPECT = (0.75, 1.33)
_CROP_COVERS = 0.1
_CROP_ATTEMPTS = 100
_BRIGHTNESS, _HUE = 32.0 / 255.0, 0.2
_SATURATION = _CONTRAST = (0.5, 1.5)
_VGG_SIDES = (256, 512)


class Preprocessing(NamedTuple):
    """How a family of networks prepares an encoded image.

    Attributes:
      training: f(encoded image, size, seed) -> image, varied at random.
      evaluation: f(encoded image, size) -> image.
    """

    training: Callable[[tf.Tensor, int, Seed], tf.Tensor]
    evaluation: Callable[[tf.Tensor, int], tf.Tensor]


def decode(encoded: tf.Tensor) -> tf.Tensor:
    """The pixels of a JPEG or PNG, uint8 [height, width, 3]; grey and CMYK become RGB.

    As in slim, EXIF data and transparency are ignored: `build_image_records` stores images
    upright and opaque.
    """
    image = tf.io.decode_image(encoded, channels=3, expand_animations=False)
    return tf.ensure_shape(image, [None, None, 3])


def inception_training(
    encoded: tf.Tensor, size: int, seed: Seed, boxes: tf.Tensor | None = None, fast_mode: bool = False
) -> tf.Tensor:
    """A random crop, mirrored at random, with its colours changed at random.

    Without `fast_mode`, slim also draws how the crop is resized: bilinear, nearest, bicubic or
    area. Here it is always bilinear, as in slim's `fast_mode` and in evaluation.

    Args:
      encoded: JPEG or PNG, a scalar string.
      size: height and width of the result.
      seed: int32 or int64 [2].
      boxes: bounding boxes of the object, float32 [count, 4] as (top, left, bottom, right) in
        [0, 1]; the whole image when there are none.
      fast_mode: whether only brightness and saturation change, the default of slim's script.
    """
    crop_seed, flip_seed, colour_seed = split_seed(seed, 3)
    image = distorted_crop(_unit_range(decode(encoded)), crop_seed, boxes)
    image = _resize(image, [size, size])
    image = tf.image.stateless_random_flip_left_right(image, flip_seed)
    return tf.ensure_shape(distort_colours(image, colour_seed, fast_mode), [size, size, 3])


def inception_evaluation(encoded: tf.Tensor, size: int) -> tf.Tensor:
    """The central 87.5 % of height and width, resized to a square without keeping the aspect ratio."""
    image = tf.image.central_crop(_unit_range(decode(encoded)), _CENTRAL_FRACTION)
    return tf.ensure_shape(_resize(image, [size, size]), [size, size, 3])


def vgg_training(encoded: tf.Tensor, size: int, seed: Seed) -> tf.Tensor:
    """The smaller side resized to a random 256 to 512 pixels, then a random crop, mirrored at random.

    Raises:
      InputError: the size is above 256 pixels, which the smallest resized images would not hold.
    """
    _check_vgg_size(size)
    side_seed, crop_seed, flip_seed = split_seed(seed, 3)
    low, high = _VGG_SIDES
    side = tf.random.stateless_uniform([], side_seed, low, high + 1, tf.int32)
    image = _resize_smaller_side(decode(encoded), side)
    room = tf.shape(image)[:2] - size
    offsets = tf.random.stateless_uniform([2], crop_seed, 0.0, 1.0)
    # The product may round up to room + 1.
    offsets = tf.minimum(tf.cast(offsets * tf.cast(room + 1, tf.float32), tf.int32), room)
    image = tf.image.stateless_random_flip_left_right(_crop(image, offsets, size), flip_seed)
    return image / 255.0


def vgg_evaluation(encoded: tf.Tensor, size: int) -> tf.Tensor:
    """The smaller side resized to 256 pixels, then the central square of `size` pixels.

    Raises:
      InputError: the size is above 256 pixels.
    """
    _check_vgg_size(size)
    image = _resize_smaller_side(decode(encoded), tf.constant(_VGG_SIDES[0]))
    return _crop(image, (tf.shape(image)[:2] - size) // 2, size) / 255.0


def distorted_crop(image: tf.Tensor, seed: Seed, boxes: tf.Tensor | None = None) -> tf.Tensor:
    """A random crop of an image [height, width, 3]: 0.05 to 1 of its area, with aspect ratio 0.75 to 1.33.

    The crop holds at least a tenth of a box. Without boxes it holds at least a tenth of the image,
    so that its area is in effect 0.1 to 1. After 100 draws that do not fit it is the whole image.
    """
    if boxes is None:
        boxes = tf.zeros([0, 4])
    whole = tf.constant([[0.0, 0.0, 1.0, 1.0]])
    boxes = tf.cond(tf.shape(boxes)[0] > 0, lambda: boxes, lambda: whole)
    begin, extent, _ = tf.image.stateless_sample_distorted_bounding_box(
        tf.shape(image),
        boxes[tf.newaxis],
        seed,
        min_object_covered=_CROP_COVERS,
        aspect_ratio_range=_CROP_ASPECT,
        area_range=_CROP_AREA,
        max_attempts=_CROP_ATTEMPTS,
    )
    return tf.ensure_shape(tf.slice(image, begin, extent), [None, None, 3])


def distort_colours(image: tf.Tensor, seed: Seed, fast_mode: bool = False) -> tf.Tensor:
    """Changes brightness, saturation, hue and contrast of an image in [0, 1], in one of slim's four orders.

    Brightness moves by up to 32/255 and hue by up to 0.2 of its circle; saturation and contrast
    are scaled by 0.5 to 1.5. The result is clipped to [0, 1], only at the end. With `fast_mode`
    brightness changes, then saturation, and nothing else.
    """
    order_seed, *seeds = split_seed(seed, 5)

    def brightness(x: tf.Tensor) -> tf.Tensor:
        return tf.image.stateless_random_brightness(x, _BRIGHTNESS, seeds[0])

    def saturation(x: tf.Tensor) -> tf.Tensor:
        return tf.image.stateless_random_saturation(x, *_SATURATION, seeds[1])

    def hue(x: tf.Tensor) -> tf.Tensor:
        return tf.image.stateless_random_hue(x, _HUE, seeds[2])

    def contrast(x: tf.Tensor) -> tf.Tensor:
        return tf.image.stateless_random_contrast(x, *_CONTRAST, seeds[3])

    def in_turn(*steps: Callable[[tf.Tensor], tf.Tensor]) -> Callable[[], tf.Tensor]:
        def run() -> tf.Tensor:
            x = image
            for step in steps:
                x = step(x)
            return x

        return run

    if fast_mode:
        return tf.clip_by_value(saturation(brightness(image)), 0.0, 1.0)
    orders = [
        in_turn(brightness, saturation, hue, contrast),
        in_turn(saturation, brightness, contrast, hue),
        in_turn(contrast, hue, brightness, saturation),
        in_turn(hue, saturation, contrast, brightness),
    ]
    order = tf.random.stateless_uniform([], order_seed, 0, len(orders), tf.int32)
    return tf.clip_by_value(tf.switch_case(order, orders), 0.0, 1.0)


def _unit_range(image: tf.Tensor) -> tf.Tensor:
    return tf.image.convert_image_dtype(image, tf.float32)


def _resize(image: tf.Tensor, extent: tf.Tensor | list[int]) -> tf.Tensor:
    """Resizes an image [height, width, 3] by TensorFlow 1's bilinear filter; float32, in the same range."""
    return tf.raw_ops.ResizeBilinear(images=image[tf.newaxis], size=extent)[0]


def _resize_smaller_side(image: tf.Tensor, side: tf.Tensor) -> tf.Tensor:
    """Resizes an image so that its smaller side is `side`; the larger one is rounded to whole pixels."""
    extent = tf.cast(tf.shape(image)[:2], tf.float32)
    scale = tf.cast(side, tf.float32) / tf.reduce_min(extent)
    return _resize(image, tf.cast(tf.round(extent * scale), tf.int32))


def _crop(image: tf.Tensor, offsets: tf.Tensor, size: int) -> tf.Tensor:
    """A square crop of `size` pixels whose top left corner is at `offsets`, int32 [2]."""
    return tf.slice(image, tf.concat([offsets, [0]], axis=0), [size, size, 3])


def _check_vgg_size(size: int) -> None:
    if size > _VGG_SIDES[0]:
        raise InputError(
            f"images of {size} pixels with VGG's preprocessing, which crops them from sides of "
            f"{_VGG_SIDES[0]} and more; give at most {_VGG_SIDES[0]}, or Inception's preprocessing"
        )


PREPROCESSING: Mapping[str, Preprocessing] = MappingProxyType(
    {
        "inception": Preprocessing(inception_training, inception_evaluation),
        "inception_fast": Preprocessing(
            functools.partial(inception_training, fast_mode=True), inception_evaluation
        ),
        "vgg": Preprocessing(vgg_training, vgg_evaluation),
    }
)
