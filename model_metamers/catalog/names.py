"""The names of the catalog's networks, without loading TensorFlow."""

from __future__ import annotations

UNNAMED = "class_"  # classes without a name of their own are called class_1, class_2, ...

# The names by module of this folder; the module's BUILDERS build these networks.
NAMES = {
    "paper_size": (
        "vgg_19",
        "inception_v3",
        "resnet_v2_101",
        "resnet_v2_50",
        "mobilenet_v1",
        "mobilenet_v1_025",
        "efficientnet_lite0",
        "word_aliased",
        "word_reduced_aliasing",
        "audioset_reduced_aliasing",
        "both_tasks_reduced_aliasing",
        "word_aliased_released",
        "word_reduced_aliasing_released",
        "vggish",
        "vggish_linear",
        "deepspeech",
    ),
    "small": (
        "vgg_19_small",
        "vgg_19_small_seed1",
        "inception_v3_small",
        "inception_v3_small_seed1",
        "resnet_v2_small",
        "resnet_v2_small_seed1",
        "inception_v3_small_64",
        "resnet_v2_small_64",
        "resnet_v2_small_64_seed1",
        "word_aliased_small",
        "word_reduced_aliasing_small",
        "word_reduced_aliasing_small_seed1",
        "environmental_reduced_aliasing_small",
        "both_tasks_reduced_aliasing_small",
    ),
}


CATALOG = tuple(name for names in NAMES.values() for name in names)


def networks() -> tuple[str, ...]:
    """The names that `load_network` takes: the catalog's, those that were registered, and those of packages.

    Example:
      >>> "vgg_19_small" in networks()
      True
    """
    from model_metamers.catalog import registered  # it looks at every installed package

    return (*CATALOG, *registered.names())
