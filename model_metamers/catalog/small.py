"""The small networks that ship with the package: the code of the paper's networks, smaller.

Image networks take 32 x 32 pixels and have the ten classes of CIFAR-10; those called "_64" take
64 x 64 and have a hundred classes of Tiny ImageNet. Sound networks take one
second at 8 kHz and have twenty words or ten environmental sounds (ESC-10), each with the null class
at index 0. A network trained from a second seed has a name of its own, as in the paper's
comparisons of initialisations (Figures 5 and 6).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from model_metamers.catalog.small_signals import (
    CIFAR10_CLASSES,
    ENVIRONMENTAL_CLASSES,
    NUM_SAMPLES,
    SAMPLE_RATE,
    WORDS,
    tiny_imagenet_classes,
)
from model_metamers.networks.auditory_cnn import (
    ALIASED_LAYERS,
    REDUCED_LAYERS,
    AuditoryCNN,
    word_architecture,
)
from model_metamers.networks.inception import InceptionV3
from model_metamers.networks.network import Network
from model_metamers.networks.resnet import ResNetV2
from model_metamers.networks.tasks import AUDIOSET_TASK, WORD_TASK
from model_metamers.networks.vgg import VGG
from model_metamers.signals.cochleagram_config import CochleagramConfig

_TASK_CLASSES = {WORD_TASK: WORDS, AUDIOSET_TASK: ENVIRONMENTAL_CLASSES}
_NORM_DECAY = 0.99  # lower than slim's, because training takes only some thousand steps
_FRONTEND = CochleagramConfig(SAMPLE_RATE, num_filters=53, high_hz=3600.0, sample_factor=2)
_CHANNELS = (16, 96, 160, 208, 96)
_FC_UNITS = 256
_SECOND_SEED = "_seed1"


def _vgg(name: str) -> Network:
    return VGG(
        name,
        CIFAR10_CLASSES,
        image_size=32,
        widths=(16, 32, 64, 128, 128),
        fc_width=256,
        pixel_std=64.0,
        kernel_initializer="he_normal",
    )


def _inception(classes: Sequence[str], size: int, strides: tuple[int, int, int], name: str) -> Network:
    return InceptionV3(
        name,
        classes,
        depth_multiplier=0.25,
        image_size=size,
        stem_strides=strides,
        norm_decay=_NORM_DECAY,
    )


def _resnet(classes: Sequence[str], size: int, strides: tuple[int, int], name: str) -> Network:
    return ResNetV2(
        name,
        classes,
        units=(2, 2, 2, 2),
        image_size=size,
        widths=(16, 32, 64, 128),
        stem_width=32,
        stem_strides=strides,
        norm_decay=_NORM_DECAY,
        scope="resnet_v2_26",
    )


def _auditory(tasks: dict[str, int], reduced_aliasing: bool, name: str) -> Network:
    architecture = word_architecture(reduced_aliasing, _CHANNELS, _FC_UNITS, tasks)
    task = WORD_TASK if WORD_TASK in tasks else AUDIOSET_TASK
    return AuditoryCNN(
        name,
        architecture,
        REDUCED_LAYERS if reduced_aliasing else ALIASED_LAYERS,
        _TASK_CLASSES[task],
        _FRONTEND,
        NUM_SAMPLES,
        task,
        {other: _TASK_CLASSES[other] for other in tasks},
    )


_WORD = {WORD_TASK: len(WORDS)}
_ENVIRONMENTAL = {AUDIOSET_TASK: len(ENVIRONMENTAL_CLASSES)}
_FAMILIES: dict[str, Callable[[str], Network]] = {
    "vgg_19_small": _vgg,
    "inception_v3_small": functools.partial(_inception, CIFAR10_CLASSES, 32, (1, 1, 2)),
    "resnet_v2_small": functools.partial(_resnet, CIFAR10_CLASSES, 32, (1, 2)),
    "inception_v3_small_64": functools.partial(_inception, tiny_imagenet_classes(), 64, (2, 1, 2)),
    "resnet_v2_small_64": functools.partial(_resnet, tiny_imagenet_classes(), 64, (2, 2)),
    "word_aliased_small": functools.partial(_auditory, _WORD, False),
    "word_reduced_aliasing_small": functools.partial(_auditory, _WORD, True),
    "environmental_reduced_aliasing_small": functools.partial(_auditory, _ENVIRONMENTAL, True),
    "both_tasks_reduced_aliasing_small": functools.partial(_auditory, _WORD | _ENVIRONMENTAL, True),
}
_WITH_SECOND_SEED = (
    "vgg_19_small",
    "inception_v3_small",
    "resnet_v2_small",
    "resnet_v2_small_64",
    "word_reduced_aliasing_small",
)

BUILDERS: dict[str, Callable[[], Network]] = {
    name: functools.partial(family, name)
    for base, family in _FAMILIES.items()
    for name in (base, *([base + _SECOND_SEED] if base in _WITH_SECOND_SEED else []))
}
