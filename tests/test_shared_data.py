"""Real data and weights that do not ship: METAMERS_DATA names their folder."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import model_metamers as mm
from model_metamers import catalog, weights


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
    """Share of images whose largest logit is their class, the background being class 0."""
    labelled = _labelled_images(data)
    images = np.stack([load(path, network.signal) for path, _ in labelled])
    logits = np.concatenate([network.logits(images[i : i + 16]) for i in range(0, len(images), 16)])
    return np.mean(logits.argmax(axis=1) - 1 == [label for _, label in labelled])


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
