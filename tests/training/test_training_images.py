"""Image data sets as training reads them."""

import numpy as np
import pytest

from model_metamers import InputError, catalog
from model_metamers.catalog import small_signals
from model_metamers.training import image_runs, recipes
from tests.builders import training_data


def test_small_images_go_on_from_any_batch(tmp_path):
    network = catalog.build_network("vgg_19_small")
    folder = training_data.write_images(tmp_path / "images")
    data = image_runs.open_data(
        network, folder, recipes.choose("vgg_19_small").changed(batch_size=5), 3, False
    )
    assert (data.train_count, data.validation_count) == (24, 12)
    whole, rest = ([(i.numpy(), c.numpy()) for i, c in data.batches(1, first)] for first in (0, 2))
    assert len(whole) == 4 and whole[0][0].shape == (5, 32, 32, 3) and whole[0][0].max() <= 1
    for (images, labels), (expected, expected_labels) in zip(rest, whole[2:], strict=True):
        np.testing.assert_array_equal(images, expected)
        np.testing.assert_array_equal(labels, expected_labels)


@pytest.mark.parametrize("recipe", ["vgg", "inception_v3", "slim"])
def test_images_are_streamed_through_slims_preprocessing(tmp_path, recipe):
    """A background class before the records' classes is counted in."""
    network = catalog.build_network("mobilenet_v1_025")
    wordnet = [f"n{i:08d}" for i in range(1000)]
    folder = training_data.write_images(tmp_path / "images", size=60, classes=wordnet, counts=(10, 4))
    data = image_runs.open_data(
        network, folder, recipes.choose(network.name, recipe).changed(batch_size=2), 0, False
    )
    whole, rest = ([(i.numpy(), c.numpy()) for i, c in data.batches(0, first)] for first in (0, 3))
    assert len(whole) == 5 and all(i.shape == (2, 224, 224, 3) for i, _ in whole)
    np.testing.assert_array_equal(rest[0][0], whole[3][0])
    assert sorted(np.concatenate([c for _, c in whole])) == list(range(1, 11))
    held = [c.numpy() for _, c in data.validation()]
    assert np.concatenate(held).tolist() and min(np.concatenate(held)) == 1


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (small_signals.CIFAR10_CLASSES[:7], "7 classes, but vgg_19_small has 10"),
        (("apple", *small_signals.CIFAR10_CLASSES[1:]), "class 0 is 'apple' there and 'airplane' in vgg"),
    ],
)
def test_images_of_other_classes_are_refused(tmp_path, classes, message):
    network = catalog.build_network("vgg_19_small")
    folder = training_data.write_images(tmp_path / "images", classes=classes)
    with pytest.raises(InputError, match=message):
        image_runs.open_data(network, folder, recipes.choose(network.name), 0, False)


def test_held_out_images_may_have_a_folder_of_their_own(tmp_path):
    network, recipe = catalog.build_network("vgg_19_small"), recipes.choose("vgg_19_small")
    train = training_data.write_images(tmp_path / "train", counts=(24, 2))
    held_out = training_data.write_images(tmp_path / "held_out", counts=(1, 7))
    data = image_runs.open_data(network, train, recipe, 0, False, held_out)
    assert (data.train_count, data.validation_count) == (24, 7)
    (held_out / "labels.txt").write_text("".join(f"{i}:other {i}\n" for i in range(10)))
    with pytest.raises(InputError, match=r"their labels\.txt differ"):
        image_runs.open_data(network, train, recipe, 0, False, held_out)
