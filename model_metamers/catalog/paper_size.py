"""The networks at the paper's size."""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib import resources

from model_metamers.catalog import released_audio
from model_metamers.catalog.names import UNNAMED
from model_metamers.networks.auditory_cnn import (
    ALIASED_LAYERS,
    REDUCED_LAYERS,
    AuditoryCNN,
    word_architecture,
)
from model_metamers.networks.deepspeech import DeepSpeech
from model_metamers.networks.efficientnet import EfficientNetLite
from model_metamers.networks.inception import InceptionV3
from model_metamers.networks.mobilenet import MobileNetV1
from model_metamers.networks.network import Network
from model_metamers.networks.resnet import UNITS, ResNetV2
from model_metamers.networks.tasks import AUDIOSET_TASK, WORD_TASK
from model_metamers.networks.vgg import VGG
from model_metamers.networks.vggish import VGGish
from model_metamers.signals.cochleagram_config import CochleagramConfig

# Which of AudioSet's categories has which of the paper's 516 indices is not public; 0 is the null class.
_AUDIOSET_CLASSES = ("__nullSignal__", *(f"{UNNAMED}{i}" for i in range(1, 517)))


def _class_list(file: str) -> tuple[str, ...]:
    text = (resources.files("model_metamers") / "data" / file).read_text(encoding="utf-8")
    return tuple(text.splitlines())


def _classes_after_background() -> tuple[str, ...]:
    """The 1001 classes of slim's later networks (docs/sources.md 4a)."""
    return ("background", *_class_list("imagenet_classes.txt"))


def _vgg_19() -> Network:
    return VGG("vgg_19", _class_list("imagenet_classes.txt"))


def _inception_v3() -> Network:
    return InceptionV3("inception_v3", _classes_after_background())


def _resnet_v2(name: str) -> Network:
    return ResNetV2(name, _classes_after_background(), UNITS[name], scope=name)


def _mobilenet_v1(name: str, depth_multiplier: float) -> Network:
    return MobileNetV1(name, _classes_after_background(), depth_multiplier)


def _efficientnet_lite0() -> Network:
    return EfficientNetLite("efficientnet_lite0", _class_list("imagenet_classes.txt"))


def _auditory_cnn(name: str, reduced_aliasing: bool, tasks: dict[str, int]) -> Network:
    task = WORD_TASK if WORD_TASK in tasks else AUDIOSET_TASK
    return AuditoryCNN(
        name,
        word_architecture(reduced_aliasing, tasks=tasks),
        REDUCED_LAYERS if reduced_aliasing else ALIASED_LAYERS,
        _class_list("words_794.txt") if task == WORD_TASK else _AUDIOSET_CLASSES,
        CochleagramConfig(),
        task=task,
    )


_WORD = {WORD_TASK: 794}
_AUDIOSET = {AUDIOSET_TASK: len(_AUDIOSET_CLASSES)}
BUILDERS: dict[str, Callable[[], Network]] = {
    "vgg_19": _vgg_19,
    "inception_v3": _inception_v3,
    "resnet_v2_101": functools.partial(_resnet_v2, "resnet_v2_101"),
    "resnet_v2_50": functools.partial(_resnet_v2, "resnet_v2_50"),
    "mobilenet_v1": functools.partial(_mobilenet_v1, "mobilenet_v1", 1.0),
    "mobilenet_v1_025": functools.partial(_mobilenet_v1, "mobilenet_v1_025", 0.25),
    "efficientnet_lite0": _efficientnet_lite0,
    "word_aliased": functools.partial(_auditory_cnn, "word_aliased", False, _WORD),
    "word_reduced_aliasing": functools.partial(_auditory_cnn, "word_reduced_aliasing", True, _WORD),
    "audioset_reduced_aliasing": functools.partial(
        _auditory_cnn, "audioset_reduced_aliasing", True, _AUDIOSET
    ),
    "both_tasks_reduced_aliasing": functools.partial(
        _auditory_cnn, "both_tasks_reduced_aliasing", True, _WORD | _AUDIOSET
    ),
    "word_aliased_released": functools.partial(released_audio.build_downloaded, "word_aliased_released"),
    "word_reduced_aliasing_released": functools.partial(
        released_audio.build_downloaded, "word_reduced_aliasing_released"
    ),
    "vggish": VGGish,
    "vggish_linear": functools.partial(VGGish, "vggish_linear", "linear"),
    "deepspeech": DeepSpeech,
}
