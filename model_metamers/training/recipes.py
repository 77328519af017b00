"""How the catalog's networks are trained: the paper's as their sources say, and the small ones.

Where these recipes differ from slim and its sources, or settle what they leave open:
- Weight decay is slim's l2_regularizer: decay * sum(kernel ** 2) / 2 is added to the loss. Biases
  and batch normalisation do not decay; He et al. and Simonyan & Zisserman do not say.
- Keras multiplies the gradient by the learning rate before it enters the momentum, as Caffe does;
  TensorFlow 1 and Torch multiply afterwards. They differ for some ten steps after the rate falls.
- Slim's `moving_average_decay` and Szegedy et al.'s running average of the weights are left out.
- Adam with an epsilon is the same in Keras and TensorFlow 1. RMSProp is not: see `optimizers.RMSprop`.
"""

from __future__ import annotations

import dataclasses
import fnmatch
from collections.abc import Callable, Mapping
from types import MappingProxyType

from model_metamers.errors import InputError
from model_metamers.training import schedules
from model_metamers.training.recipe import Recipe

Decay = Callable[[float, int, int], schedules.Schedule]

_MOMENTUM = MappingProxyType({"momentum": 0.9})
_SLIM_RMSPROP = MappingProxyType({"rho": 0.9, "momentum": 0.9, "epsilon": 1.0})
_LAB_ADAM = MappingProxyType({"epsilon": 1e-4})


def unchanging(rate: float, steps_per_epoch: int, num_epochs: int) -> schedules.Schedule:
    """A recipe's decay: the rate stays as it is."""
    return schedules.constant(rate)


def every_epochs(factor: float, epochs: float) -> Decay:
    """A recipe's decay: the rate is multiplied every `epochs` epochs, in whole steps as in slim."""
    return lambda rate, steps, _: schedules.staircase(rate, factor, max(1, int(steps * epochs)))


def every_steps(factor: float, steps: int) -> Decay:
    """A recipe's decay: the rate is multiplied by `factor` every `steps` steps, whatever the data."""
    return lambda rate, *_: schedules.staircase(rate, factor, steps)


def at_epochs(factor: float, epochs: tuple[int, ...]) -> Decay:
    """A recipe's decay: the rate is multiplied by `factor` at the end of each of these epochs."""

    def decay(rate: float, steps_per_epoch: int, num_epochs: int) -> schedules.Schedule:
        rates = [rate * factor**i for i in range(len(epochs) + 1)]
        return schedules.piecewise(rates, [epoch * steps_per_epoch for epoch in epochs])

    return decay


def in_stretches(factor: float, count: int) -> Decay:
    """A recipe's decay: `count` stretches of equal length; from one to the next the rate is multiplied."""

    def decay(rate: float, steps_per_epoch: int, num_epochs: int) -> schedules.Schedule:
        stretch = -(-steps_per_epoch * num_epochs // count)
        return schedules.staircase(rate, factor, stretch)

    return decay


def warmup_cosine(warmup_epochs: float) -> Decay:
    """A recipe's decay: a linear warm-up, then half a cosine down to zero at the end."""

    def decay(rate: float, steps_per_epoch: int, num_epochs: int) -> schedules.Schedule:
        steps = steps_per_epoch * num_epochs
        return schedules.warmup_cosine(rate, steps, min(steps, round(warmup_epochs * steps_per_epoch)))

    return decay


VGG = Recipe(
    source=(
        "Simonyan & Zisserman 2015, section 3.1; the rate falls there when the held-out accuracy "
        "stops rising, three times in 74 epochs, and here after each quarter of the training"
    ),
    preprocessing="vgg",
    num_epochs=74,
    batch_size=256,
    learning_rate=0.01,
    decay=in_stretches(0.1, 4),
    optimizer_name="momentum",
    optimizer_settings=_MOMENTUM,
    weight_decay=5e-4,
)
INCEPTION_V3 = Recipe(
    source=(
        "Szegedy et al. 2016, section 8: 100 epochs, batches of 32, gradients clipped at 2.0; "
        "momentum, weight decay and the auxiliary weight are slim's. There 50 machines each "
        "took batches of 32: alone, a lower rate may be wanted"
    ),
    preprocessing="inception",
    num_epochs=100,
    batch_size=32,
    learning_rate=0.045,
    decay=every_epochs(0.94, 2),
    optimizer_name="rmsprop",
    optimizer_settings=_SLIM_RMSPROP,
    weight_decay=4e-5,
    label_smoothing=0.1,
    aux_weight=0.4,
    clip_norm=2.0,
)
RESNET_V2 = Recipe(
    source=(
        "He et al. 2016, a, section 3.4 and b (pre-activation), appendix; the steps at 30 and 60 "
        "epochs are b's, the one at 90 goes on with them; slim's README gives ResNet-V2 Inception's "
        "preprocessing"
    ),
    preprocessing="inception",
    num_epochs=100,
    batch_size=256,
    learning_rate=0.1,
    decay=at_epochs(0.1, (30, 60, 90)),
    optimizer_name="momentum",
    optimizer_settings=_MOMENTUM,
    weight_decay=1e-4,
)
SLIM = Recipe(
    source="defaults of research/slim/train_image_classifier.py; it has no end, 100 epochs are ours",
    preprocessing="inception_fast",
    num_epochs=100,
    batch_size=32,
    learning_rate=0.01,
    decay=every_epochs(0.94, 2),
    optimizer_name="rmsprop",
    optimizer_settings=_SLIM_RMSPROP,
    weight_decay=4e-5,
    aux_weight=0.4,
)
AUDITORY = Recipe(
    source="the laboratory's code (docs/sources.md 1d); batch of 64 inferred; it stops by the held-out "
    "score, 100 epochs are an upper limit of ours",
    preprocessing="sound",
    num_epochs=100,
    batch_size=64,
    learning_rate=1e-4,
    decay=unchanging,
    optimizer_name="adam",
    optimizer_settings=_LAB_ADAM,
)
AUDITORY_STAIRCASE = dataclasses.replace(
    AUDITORY,
    source="as `auditory`, with the laboratory's other schedule: 0.96 every 697,272 clips in batches of 64",
    decay=every_steps(0.96, 697_272 // AUDITORY.batch_size),
)

SMALL_IMAGES = Recipe(
    source="this project; 32 x 32 images",
    preprocessing="small",
    num_epochs=14,
    batch_size=128,
    learning_rate=0.1,
    decay=warmup_cosine(1.0),
    optimizer_name="momentum",
    optimizer_settings={"momentum": 0.9, "nesterov": True},
    weight_decay=5e-4,
    clip_norm=5.0,
)
SMALL_VGG = dataclasses.replace(  # without batch normalisation it needs a lower rate and a longer warm-up
    SMALL_IMAGES, num_epochs=30, learning_rate=0.02, decay=warmup_cosine(2.0)
)
SMALL_INCEPTION = dataclasses.replace(  # its first gradients are a hundred times too large for momentum
    SMALL_IMAGES,
    num_epochs=24,
    learning_rate=2e-3,
    optimizer_name="adam",
    optimizer_settings={},
    weight_decay=0.0,
)
SMALL_SOUNDS = Recipe(
    source="this project; one second at 8 kHz",
    preprocessing="sound",
    num_epochs=40,
    batch_size=64,
    learning_rate=1e-3,
    decay=warmup_cosine(1.0),
    optimizer_name="adam",
    optimizer_settings={},
    label_smoothing=0.1,
    clip_norm=5.0,
)

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "vgg": VGG,
        "inception_v3": INCEPTION_V3,
        "resnet_v2": RESNET_V2,
        "slim": SLIM,
        "auditory": AUDITORY,
        "auditory_staircase": AUDITORY_STAIRCASE,
        "small_vgg": SMALL_VGG,
        "small_images": SMALL_IMAGES,
        "small_inception": SMALL_INCEPTION,
        "small_sounds": SMALL_SOUNDS,
    }
)
IMAGE_RECIPES = tuple(name for name, recipe in RECIPES.items() if recipe.preprocessing != "sound")
SOUND_RECIPES = tuple(name for name, recipe in RECIPES.items() if recipe.preprocessing == "sound")
_RECIPES_BY_PATTERN = (  # (pattern of a network's name, recipe); the first pattern that fits counts
    ("vgg_*_small*", "small_vgg"),
    ("inception_*_small*", "small_inception"),
    ("resnet_*_small*", "small_images"),
    ("*_small*", "small_sounds"),
    ("vgg_*", "vgg"),
    ("inception_v3*", "inception_v3"),
    ("resnet_v2_*", "resnet_v2"),
    ("mobilenet_*", "slim"),
    ("word_*", "auditory"),
    ("audioset_*", "auditory"),
    ("both_tasks_*", "auditory"),
)


def choose(network: str, name: str | None = None) -> Recipe:
    """The recipe of this name or, without a name, the one for a network of the catalog.

    Raises:
      InputError: there is no such recipe, or none for the network.
    """
    for pattern, recipe in () if name else _RECIPES_BY_PATTERN:
        if fnmatch.fnmatchcase(network, pattern):
            return RECIPES[recipe]
    if name is None or name not in RECIPES:
        wanted = f"recipe {name!r}" if name else f"recipe for {network}"
        raise InputError(f"there is no {wanted}; name one of {', '.join(RECIPES)}")
    return RECIPES[name]
