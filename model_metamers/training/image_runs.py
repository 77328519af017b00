"""The images of one training: those it is trained on and those held out."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from model_metamers.corpora import records as image_records
from model_metamers.errors import InputError
from model_metamers.networks.network import Network
from model_metamers.storage.reading import read_lines
from model_metamers.training import evaluation, image_input, image_preprocessing, records
from model_metamers.training.recipe import Recipe

_VALIDATION_SPLITS = ("validation", "test")
_VALIDATION_BATCH = 250


@dataclasses.dataclass(frozen=True)
class ImageData:
    """The data of one training.

    Attributes:
      batches: f(epoch, first) -> dataset, as `plan.TrainingPlan` takes it.
      validation: f() -> dataset of (images, labels), held out.
      train_count, validation_count: number of images.
      paths: all files of records.
    """

    batches: Callable[[int, int], tf.data.Dataset]
    validation: Callable[[], tf.data.Dataset]
    train_count: int
    validation_count: int
    paths: tuple[Path, ...]

    def validate(self, network: Network) -> tuple[np.ndarray, np.ndarray]:
        """Logits [images, classes] and labels [images] of the held-out images."""
        stage = network.logits_stage
        outputs, labels = evaluation.read_stages(network, self.validation(), [stage])
        return outputs[stage], np.concatenate(labels)


def open_data(
    network: Network,
    folder: Path,
    recipe: Recipe,
    seed: int,
    progress: bool = True,
    validation_folder: Path | None = None,
) -> ImageData:
    """The images of a folder for a network and a recipe.

    Args:
      network: the network to train; the data set must have its classes.
      folder: folder of the training images, and of the held-out ones unless they have their own.
      recipe: how the network is trained.
      seed: decides the order and the random variation.
      progress: whether to show a bar while images are read into memory.
      validation_folder: folder of the held-out images; None where they are in `folder`.

    Raises:
      InputError: files are missing or cut off, the two folders' classes differ, or the classes
        are not the network's.
    """
    size = network.signal.shape[0]
    train = records.find_records(folder, "train")
    validation = _validation(validation_folder or folder)
    if validation_folder and read_lines(validation_folder / "labels.txt") != read_lines(
        folder / "labels.txt"
    ):
        raise InputError(f"{validation_folder} and {folder}: their labels.txt differ; build them alike")
    offset = image_input.label_offset(network, folder / "labels.txt")
    if recipe.preprocessing == "small":
        images, labels = image_records.read_image_records(train.paths, size, progress)
        held_images, held_labels = image_records.read_image_records(validation.paths, size, progress)
        return ImageData(
            functools.partial(_small, images, labels + offset, recipe.batch_size, seed),
            lambda: _in_memory(held_images, held_labels + offset),
            train.count,
            validation.count,
            (*train.paths, *validation.paths),
        )
    training, evaluating = image_preprocessing.PREPROCESSING[recipe.preprocessing]
    return ImageData(
        functools.partial(_streamed, train, size, offset, training, recipe.batch_size, seed),
        lambda: image_input.evaluation_batches(validation, size, offset, evaluating, recipe.batch_size),
        train.count,
        validation.count,
        (*train.paths, *validation.paths),
    )


def _validation(folder: Path) -> records.Records:
    for split in _VALIDATION_SPLITS:
        if any(folder.glob(f"{split}-*")):
            return records.find_records(folder, split)
    raise InputError(f"{folder}: holds neither validation-*.tfrecord nor test-*.tfrecord")


def _small(images, labels, batch_size, seed, epoch, first) -> tf.data.Dataset:
    return image_input.small_batches(images, labels, epoch, first, batch_size, seed)


def _streamed(split, size, offset, preprocess, batch_size, seed, epoch, first) -> tf.data.Dataset:
    return image_input.streamed_batches(split, size, offset, preprocess, epoch, first, batch_size, seed)


def _in_memory(images: np.ndarray, labels: np.ndarray) -> tf.data.Dataset:
    dataset = tf.data.Dataset.from_tensor_slices((images, labels)).batch(_VALIDATION_BATCH)
    return dataset.map(lambda image, label: (tf.cast(image, tf.float32) / 255.0, label))
