"""Numbers of the paper that are defaults here: of searches, matched layers, classes and training."""

import inspect

import pytest

from model_metamers import SynthesisConfig, catalog
from model_metamers.corpora import background_dataset, clip_format, drawn_images, drawn_words, speech_records
from model_metamers.criteria import null_distribution
from model_metamers.networks import auditory_cnn
from model_metamers.networks.tasks import AUDIOSET_TASK, WORD_TASK
from model_metamers.synthesis import starts
from model_metamers.training import stopping
from model_metamers.weights import manifest
from model_metamers_experiments.reproduction import scales


@pytest.fixture(scope="module")
def networks():
    names = ("vgg_19", "inception_v3", "resnet_v2_101", "word_aliased", "word_reduced_aliasing")
    return {name: catalog.build_network(name) for name in names}


def test_a_search_is_15000_steps_of_adam_at_a_thousandth(networks):
    """Paper 3.1."""
    config = SynthesisConfig()
    assert (config.iterations, config.optimizer, config.learning_rate) == (15000, "adam", None)
    assert {network.learning_rate for network in networks.values()} == {0.001}


def test_a_sound_s_search_starts_from_a_hundredth():
    """Paper 3.1."""
    assert inspect.signature(starts.pink_noise).parameters["rms"].default == 0.01


def test_a_null_is_of_a_million_pairs():
    """Paper 3.1."""
    taken = inspect.signature(null_distribution.null_distribution).parameters
    assert taken["pairs"].default == 1_000_000


def test_three_networks_of_images_and_five_of_sounds():
    """Paper 1, 3.4 and 3.5; which five is read from a garbled list (docs/sources.md 5)."""
    parts = [part for part in scales.PAPER.parts if part.layers is None and "other_seed" not in part.role]
    assert {(part.network, part.trained) for part in parts} >= {
        *((name, True) for name in ("vgg_19", "inception_v3", "resnet_v2_101")),
        *((name, True) for name in ("word_aliased", "word_reduced_aliasing", "audioset_reduced_aliasing")),
        ("both_tasks_reduced_aliasing", True),
        ("word_reduced_aliasing", False),
    }
    assert scales.PAPER.stimuli == {
        "image": 16 * drawn_images.PAPER_PER_CATEGORY,
        "sound": drawn_words.PAPER_WORDS,
    }


def test_22_layers_of_image_networks(networks):
    """Paper 3.5: with the natural images 23 conditions of 10 trials."""
    images = ("vgg_19", "inception_v3", "resnet_v2_101")
    assert [len(networks[name].layers) for name in images] == [8, 7, 7]


def test_every_convolution_the_dense_layer_and_the_logits_are_matched(networks):
    """Paper 3.4: and the cochleagram beside them."""
    assert networks["word_aliased"].layers == (
        *("cochleagram", "conv_0", "conv_1", "conv_2", "conv_3", "conv_4"),
        *("fc_intermediate", "logits"),
    )


def test_networks_with_and_without_aliasing_have_as_many_features(networks):
    """Paper 3.4: a Hann pooling stands for the convolution before it."""
    pairs = zip(networks["word_aliased"].layers, networks["word_reduced_aliasing"].layers, strict=True)
    for aliased, reduced in pairs:
        a, b = networks["word_aliased"].stage_shapes, networks["word_reduced_aliasing"].stage_shapes
        assert a[aliased] == b[reduced], (aliased, reduced)


def test_reduced_aliasing_moves_every_stride_into_a_hann_pooling():
    """Paper 3.2: as many strides as before, none of a convolution, and no maxima."""
    aliased, reduced = (auditory_cnn.word_architecture(reduced) for reduced in (False, True))

    def strides(architecture, *kinds):
        layers = [layer for layer in architecture if layer["layer_type"] in kinds]
        return [layer["args"]["strides"] for layer in layers if layer["args"]["strides"] != 1]

    assert strides(aliased, "tf.layers.conv2d") == [3, 2] and strides(aliased, "hpool") == []
    assert strides(reduced, "tf.layers.conv2d") == []
    pools = ("tf.layers.max_pooling2d", "tf.layers.average_pooling2d")
    assert strides(aliased, *pools) == [2, 2, 2] and strides(reduced, *pools) == []
    assert strides(reduced, "hpool") == strides(aliased, "tf.layers.conv2d", *pools)


def test_classes_of_the_tasks(networks):
    """Paper 3.3: 793 words and 516 categories, and a null class besides (docs/sources.md 1d)."""
    assert len(networks["word_aliased"].classes) == 793 + 1
    assert len(catalog.build_network("audioset_reduced_aliasing").classes) == 516 + 1
    both = catalog.build_network("both_tasks_reduced_aliasing")
    assert {task: count for task, (_, count) in both.tasks.items()} == {WORD_TASK: 794, AUDIOSET_TASK: 517}


def test_data_and_the_end_of_training():
    """Paper 3.3."""
    assert clip_format.PAPER_FORMAT.seconds == 2.0
    assert speech_records.PAPER_TARGETS == {
        "words": 793,
        "speakers": 432,
        "train clips": 230_357,
        "validation clips": 40_651,
    }
    assert background_dataset.PAPER_TARGETS == {"labels": 516, "clips": 718_625}
    assert stopping.PAPER_TARGETS == {"word_accuracy": 0.57, "mean_auc": 0.83}


def test_networks_that_are_compared_perform_alike_on_the_task_they_share():
    """As the paper stopped its networks, at 57 % of the words and a mean AUC of 0.83 (3.3)."""
    shipped = [entry["metrics"] for entry in manifest.read_manifest().values() if "metrics" in entry]
    words = [metrics["word_accuracy"] for metrics in shipped if "word_accuracy" in metrics]
    backgrounds = [metrics["mean_auc"] for metrics in shipped if "mean_auc" in metrics]
    assert len(words) == 4 and max(words) - min(words) < 0.02
    assert len(backgrounds) == 2 and max(backgrounds) - min(backgrounds) < 0.01
