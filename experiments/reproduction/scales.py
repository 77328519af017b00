"""The scales of a reproduction: which networks it takes, and how much of everything it computes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from model_metamers_experiments.reproduction.cast import UNTRAINED, Part, Scale

_REDUCED = ("pool_0_0", "conv_2", "conv_4", "fc_intermediate")
_ALIASED = ("conv_0", "conv_2", "conv_4", "fc_intermediate")


def _sounds(
    suffix: str,
    audioset: str,
    reduced: tuple[str, ...] | None,
    aliased: tuple[str, ...] | None,
    seconds: float,
    cochleagram_seconds: float,
) -> tuple[Part, ...]:
    """The networks of Figure 6; the first one judges."""
    word = f"word_reduced_aliasing{suffix}"
    other_seed = f"{word}_seed1" if suffix else word
    return (
        Part("word", word, "sound", reduced, seconds),
        Part(
            "word_other_seed", other_seed, "sound", reduced, seconds, cochleagram_seconds=cochleagram_seconds
        ),
        Part("both_tasks", f"both_tasks_reduced_aliasing{suffix}", "sound", reduced, seconds),
        Part("backgrounds", audioset, "sound", reduced, seconds),
        Part("untrained", word, "sound", reduced, seconds, f"{UNTRAINED}0"),
        Part("word_aliased", f"word_aliased{suffix}", "sound", aliased, seconds),
    )


# The seconds are those of a slow machine with both cores at work; other machines took half.
# The layers with only ten or twenty values, one for each class, are left out: over so few numbers, rho
# is one for many unrelated pairs, so that no metamer could lie above them all.
MINI = Scale(
    parts=(
        Part(
            "vgg",
            "vgg_19_small",
            "image",
            ("conv1_2", "conv2_2", "conv3_4", "conv4_4", "conv5_4", "fc7"),
            0.9,
        ),
        Part("vgg_other_seed", "vgg_19_small_seed1", "image", (), 0.9),
        Part(
            "inception",
            "inception_v3_small",
            "image",
            ("Conv2d_2b_3x3", "Conv2d_4a_3x3", "Mixed_5d", "Mixed_6e", "PreLogits"),
            2.3,
        ),
        Part("inception_other_seed", "inception_v3_small_seed1", "image", (), 2.3),
        Part(
            "resnet",
            "resnet_v2_small",
            "image",
            ("conv1", "block1", "block2", "block3", "block4", "global_pool"),
            1.7,
        ),
        Part("resnet_other_seed", "resnet_v2_small_seed1", "image", (), 1.7),
        *_sounds("_small", "environmental_reduced_aliasing_small", _REDUCED, _ALIASED, 20.0, 3.3),
    ),
    decisions=("fine",),
    stimuli=MappingProxyType({"image": 40, "sound": 16}),
    null_stimuli=100,
    iterations=MappingProxyType({"image": 1000, "sound": 500}),
    optimizer="lbfgs",
    batch_size=20,
    cochleagram_learning_rate=None,
    relu_layers=MappingProxyType(
        {
            "vgg": ("conv1_2", "conv2_2", "conv3_4", "conv4_4", "conv5_4", "fc7"),
            "word": ("conv_2", "conv_4", "fc_intermediate"),
        }
    ),
    relu_stimuli=16,
    relu_iterations=MappingProxyType({"image": 1500, "sound": 1000}),
    null_signals=MappingProxyType({"image": 1000, "sound": 300}),
)
# The seconds are estimated from the number of multiplications in each network.
PAPER = Scale(
    parts=(
        Part("vgg", "vgg_19", "image", None, 1200.0),
        Part("vgg_other_seed", "vgg_19", "image", (), 1200.0),
        Part("inception", "inception_v3", "image", None, 350.0),
        Part("inception_other_seed", "inception_v3", "image", (), 350.0),
        Part("resnet", "resnet_v2_101", "image", None, 700.0),
        Part("resnet_other_seed", "resnet_v2_101", "image", (), 700.0),
        *_sounds("", "audioset_reduced_aliasing", None, None, 400.0, 300.0),
        Part("vggish", "vggish", "sound", None, 50.0),  # examples alone, as in the paper (4.2)
        Part("deepspeech", "deepspeech", "sound", None, 290.0),  # examples, and Figure 2c
    ),
    decisions=("sixteen", "fine"),
    stimuli=MappingProxyType({"image": 16 * 36, "sound": 295}),  # paper 3.5, 3.4; draw_stimuli draws them
    null_stimuli=400,
    iterations=MappingProxyType({"image": 15000, "sound": 15000}),
    optimizer="adam",
    batch_size=8,
    cochleagram_learning_rate=None,
    relu_layers=MappingProxyType({"vgg": None, "word": None, "word_aliased": None, "deepspeech": None}),
    relu_stimuli=20,
    relu_iterations=MappingProxyType({"image": 15000, "sound": 15000}),
)
_EFFICIENTNET = ("block_0", "block_4", "block_10", "head")
_EFFICIENTNET_RELUS = ("stem", "block_4/depthwise", "block_10/depthwise", "head")
_MOBILENET = ("Conv2d_1_pointwise", "Conv2d_5_pointwise", "Conv2d_11_pointwise", "Conv2d_13_pointwise")
# Image networks of ImageNet, those of the paper last: whichever have weights. Searched as the mini scale,
# since fifteen thousand steps of Adam on a laptop would take days. The seconds of the first two were
# measured on one core.
IMAGENET = Scale(
    parts=(
        Part("efficientnet", "efficientnet_lite0", "image", _EFFICIENTNET, 80.0),
        Part("efficientnet_other_seed", "efficientnet_lite0", "image", (), 80.0),
        Part("mobilenet", "mobilenet_v1_025", "image", _MOBILENET, 40.0),
        Part("mobilenet_other_seed", "mobilenet_v1_025", "image", (), 40.0),
        *(part for part in PAPER.parts if part.kind == "image"),
    ),
    decisions=("sixteen", "fine"),
    stimuli=MappingProxyType({"image": 106}),
    null_stimuli=100,
    iterations=MappingProxyType({"image": 1000}),
    optimizer="lbfgs",
    batch_size=8,
    cochleagram_learning_rate=None,
    relu_layers=MappingProxyType({"efficientnet": _EFFICIENTNET_RELUS, "mobilenet": _MOBILENET}),
    relu_stimuli=8,
    relu_iterations=MappingProxyType({"image": 1000}),
)
SCALES: Mapping[str, Scale] = MappingProxyType({"mini": MINI, "imagenet": IMAGENET, "paper": PAPER})
