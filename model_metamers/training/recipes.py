"""How the networks of the catalog are trained: the paper's as their sources say, and small ones.

What slim and its sources leave open, or say otherwise:
- Weight decay is slim's l2_regularizer, decay * sum(kernel ** 2) / 2 added to the loss; neither
  biases nor batch normalisation decay, which He et al. and Simonyan & Zisserman do not say.
- Keras puts the rate inside the momentum, as Caffe does; TensorFlow 1's momentum and Torch's put
  it outside. They differ for some ten steps after the rate falls.
- Slim's `moving_average_decay` and Szegedy et al.'s running average of the weights are left out.
- Keras' Adam with epsilon is TensorFlow 1's; `optimizers.RMSprop` says what is not.
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
    """Decay of a recipe: none."""
    return schedules.constant(rate)


def every_epochs(factor: float, epochs: float) -> Decay:
    """Decay of a recipe: times a factor every so many epochs, in slim's whole steps."""
    return lambda rate, steps, _: schedules.staircase(rate, factor, max(1, int(steps * epochs)))


def every_steps(factor: float, steps: int) -> Decay:
    """Decay of a recipe: times a factor every so many steps, whatever the data."""
    return lambda rate, *_: schedules.staircase(rate, factor, steps)


def at_epochs(factor: float, epochs: tuple[int, ...]) -> Decay:
    """Decay of a recipe: times a factor at the ends of these epochs."""

    def decay(rate: float, steps_per_epoch: int, num_epochs: int) -> schedules.Schedule:
        rates = [rate * factor**i for i in range(len(epochs) + 1)]
        return schedules.piecewise(rates, [epoch * steps_per_epoch for epoch in epochs])

    return decay


def in_stretches(factor: float, count: int) -> Decay:
    """Decay of a recipe: so many stretches of equal length, each a factor below the one before."""

    def decay(rate: float, steps_per_epoch: int, num_epochs: int) -> schedules.Schedule:
        stretch = -(-steps_per_epoch * num_epochs // count)
        return schedules.staircase(rate, factor, stretch)

    return decay


def warmup_cosine(warmup_epochs: float) -> Decay:
    """Decay of a recipe: warm-up, then half a cosine to zero at the end."""

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
SMALL_VGG = dataclasses.replace(  # no batch normalisation: lower rate, longer warm-up
    SMALL_IMAGES, num_epochs=30, learning_rate=0.02, decay=warmup_cosine(2.0)
)
SMALL_INCEPTION = dataclasses.replace(  # its gradient begins a hundred times too large for momentum
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
_OF_NETWORKS = (  # patterns of names; the first that fits holds
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
    """The recipe of this name, or the one for a network of the catalog.

    Raises:
      InputError: there is no such recipe, or none for the network.
    """
    for pattern, recipe in () if name else _OF_NETWORKS:
        if fnmatch.fnmatchcase(network, pattern):
            return RECIPES[recipe]
    if name is None or name not in RECIPES:
        wanted = f"recipe {name!r}" if name else f"recipe for {network}"
        raise InputError(f"there is no {wanted}; name one of {', '.join(RECIPES)}")
    return RECIPES[name]
