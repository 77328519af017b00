"""The networks that take the roles of the paper's networks, and the layers that are matched."""

from __future__ import annotations

import dataclasses
import glob
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from model_metamers import InputError
from model_metamers.storage.digests import file_digests, text_digest
from model_metamers.weights import manifest, saved_model

_UNTRAINED = "random:"
COCHLEAGRAM = "cochleagram"  # end of the name of runs in which the cochleagram is optimised


@dataclasses.dataclass(frozen=True)
class Part:
    """A network in the comparisons.

    Attributes:
      role: its role in the comparisons, also the name of its folder.
      network: its name in the catalog.
      kind: "image" or "sound".
      layers: layers that are matched, early to late; None for all metamer layers, empty where the
        network only judges.
      checkpoint: None for the one that ships or was downloaded.
      seconds: estimate for 1000 steps of one stimulus at one layer on one core.
      cochleagram_seconds: the same where the cochleagram is optimised; None where that is not done.
      weights: digest of the checkpoint's files, or the checkpoint's name where it is no file.
    """

    role: str
    network: str
    kind: str
    layers: tuple[str, ...] | None
    seconds: float
    checkpoint: str | None = None
    cochleagram_seconds: float | None = None
    weights: str = ""

    @property
    def trained(self) -> bool:
        """Whether its weights were learned."""
        return not (self.checkpoint or "").startswith(_UNTRAINED)


@dataclasses.dataclass(frozen=True)
class Scale:
    """The networks of a reproduction, and how much is computed.

    Attributes:
      parts: the networks; a second seed's role is that of the first with "_other_seed".
      decisions: decisions that the judges of images make.
      stimuli: by kind, the number of natural signals to match, where they are drawn and not given.
      null_stimuli: number of further natural signals of each kind, for the null distribution.
      iterations: by kind, the number of steps of every search but Figure 2's.
      optimizer: of those searches, "adam" or "lbfgs".
      batch_size: number of stimuli that are searched together.
      cochleagram_learning_rate: learning rate where the cochleagram is optimised; None for the
        network's.
      relu_layers: by role, the layers in Figure 2; None for all metamer layers that end in a ReLU.
      relu_stimuli: number of stimuli in Figure 2.
      relu_iterations: by kind, the number of steps of Figure 2's searches, which are by Adam: it compares
        two ways that Adam is given to go.
    """

    parts: tuple[Part, ...]
    decisions: tuple[str, ...]
    stimuli: Mapping[str, int]
    null_stimuli: int
    iterations: Mapping[str, int]
    optimizer: str
    batch_size: int
    cochleagram_learning_rate: float | None
    relu_layers: Mapping[str, tuple[str, ...] | None]
    relu_stimuli: int
    relu_iterations: Mapping[str, int]


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
        Part("untrained", word, "sound", reduced, seconds, f"{_UNTRAINED}0"),
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
    cochleagram_learning_rate=0.01,  # ten times the usual, where Adam steps in
    relu_layers=MappingProxyType(
        {
            "vgg": ("conv1_2", "conv2_2", "conv3_4", "conv4_4", "conv5_4", "fc7"),
            "word": ("conv_2", "conv_4", "fc_intermediate"),
        }
    ),
    relu_stimuli=16,
    relu_iterations=MappingProxyType({"image": 1500, "sound": 1000}),
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
    ),
    decisions=("sixteen", "fine"),
    stimuli=MappingProxyType({"image": 400, "sound": 400}),
    null_stimuli=400,
    iterations=MappingProxyType({"image": 15000, "sound": 15000}),
    optimizer="adam",
    batch_size=8,
    cochleagram_learning_rate=None,
    relu_layers=MappingProxyType({"vgg": None, "word": None, "word_aliased": None}),
    relu_stimuli=20,
    relu_iterations=MappingProxyType({"image": 15000, "sound": 15000}),
)
SCALES: Mapping[str, Scale] = MappingProxyType({"mini": MINI, "paper": PAPER})


def with_checkpoints(scale: Scale, given: Sequence[str]) -> tuple[Scale, dict[str, str]]:
    """The scale with only those networks that have weights here.

    Args:
      scale: one of `SCALES`.
      given: "ROLE=CHECKPOINT" each.

    Returns:
      The scale, and for each role that was left out the reason.

    Raises:
      InputError: there is no such role or checkpoint, or a text has another form.
    """
    roles = [part.role for part in scale.parts]
    checkpoints = dict(text.partition("=")[::2] for text in given)
    for role, checkpoint in checkpoints.items():
        if role not in roles or not checkpoint:
            raise InputError(
                f"--checkpoint={role}={checkpoint}: expected ROLE=CHECKPOINT with a role of "
                f"{', '.join(roles)}"
            )
        _check(role, checkpoint)
    parts: list[Part] = []
    missing: dict[str, str] = {}
    used: set[tuple[str, str | None]] = set()
    for part in scale.parts:
        part = dataclasses.replace(part, checkpoint=checkpoints.get(part.role, part.checkpoint))
        reason = _missing(part, used)
        if reason:
            missing[part.role] = reason
        else:
            used.add((part.network, part.checkpoint))
            parts.append(dataclasses.replace(part, weights=_digest(part)))
    kinds = {part.kind for part in parts if part.trained}
    missing |= {part.role: "nobody is there to judge it" for part in parts if part.kind not in kinds}
    return dataclasses.replace(scale, parts=tuple(p for p in parts if p.kind in kinds)), missing


def _check(role: str, checkpoint: str) -> None:
    """Raises InputError where there is no such checkpoint, before anything is run."""
    if checkpoint.startswith(_UNTRAINED):
        raise InputError(f"--checkpoint={role}={checkpoint}: the networks named are to be trained ones")
    if not saved_model.is_handle(checkpoint) and not _files(checkpoint):
        raise InputError(f"--checkpoint={role}={checkpoint}: no such checkpoint")


def _files(checkpoint: str) -> list[Path]:
    """The files of a checkpoint, given as a prefix, index, single file or folder; without hidden ones."""
    path = Path(checkpoint)
    if path.is_dir():
        below = sorted(path.rglob("*"))
        return [p for p in below if p.is_file() and not _is_hidden(p.relative_to(path))]
    prefix = path.with_name(path.name.removesuffix(".index"))
    parts = sorted(path.parent.glob(f"{glob.escape(prefix.name)}.data-*"))
    return [file for file in (prefix, prefix.with_name(f"{prefix.name}.index"), *parts) if file.is_file()]


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _digest(part: Part) -> str:
    """Digest of the content of a network's weights; the checkpoint's name where it is no file."""
    text = part.checkpoint or str(manifest.default_checkpoint(part.network))
    return text_digest(file_digests(_files(text))) if _files(text) else text


def _missing(part: Part, used: set[tuple[str, str | None]]) -> str:
    """Why a network has no weights of its own; an empty text if it has."""
    if (part.network, part.checkpoint) in used:
        return f"another training of {part.network} is needed: --checkpoint={part.role}=PATH"
    if part.checkpoint is None:
        try:
            manifest.default_checkpoint(part.network)
        except InputError as error:
            return str(error)
    return ""
