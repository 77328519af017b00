"""The networks that take the roles of the paper's networks, and which of them have weights here."""

from __future__ import annotations

import dataclasses
import functools
import glob
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from model_metamers import InputError, catalog
from model_metamers.catalog import named_network
from model_metamers.criteria.null_rule import MAXIMUM
from model_metamers.storage.digests import file_digests, text_digest
from model_metamers.weights import manifest, saved_model

if TYPE_CHECKING:
    from model_metamers.networks.network import Network

_UNKNOWN_SECONDS = 60.0  # of a network of the user's, as long as nothing was measured
UNTRAINED = "random:"
COCHLEAGRAM = "cochleagram"  # end of the name of runs in which the cochleagram is optimised


@dataclasses.dataclass(frozen=True)
class Part:
    """A network in the comparisons.

    Attributes:
      role: its role in the comparisons, also the name of its folder.
      network: its name, in the catalog unless it has a builder.
      kind: "image" or "sound".
      layers: layers that are matched, early to late; None for all metamer layers, empty where the
        network only judges.
      checkpoint: None for the one that ships or was downloaded.
      seconds: estimate for 1000 steps of one stimulus at one layer on one core.
      cochleagram_seconds: the same where the cochleagram is optimised; None where that is not done.
      weights: digest of the checkpoint's files, or the checkpoint's name where it is no file.
      builder: "FILE.py:FUNCTION" that builds a network of the user's, or a .keras file; empty for one of the
        catalog.
    """

    role: str
    network: str
    kind: str
    layers: tuple[str, ...] | None
    seconds: float
    checkpoint: str | None = None
    cochleagram_seconds: float | None = None
    weights: str = ""
    builder: str = ""

    @property
    def spec(self) -> str:
        """What the binaries take as --network."""
        return self.builder or self.network

    @property
    def trained(self) -> bool:
        """Whether its weights were learned."""
        return not (self.checkpoint or "").startswith(UNTRAINED)


@dataclasses.dataclass(frozen=True)
class Scale:
    """The networks of a reproduction, and how much is computed.

    Attributes:
      parts: the networks; a second seed's role is that of the first with "_other_seed".
      decisions: decisions that the judges of images make.
      stimuli: by kind, the number of natural signals to match, where they are drawn and not given.
      null_stimuli: number of further natural signals of each kind, for the null distribution.
      null_signals: by kind, the number of training signals whose pairs, all of them, are the null
        distribution, where there are training signals.
      iterations: by kind, the number of steps of every search but Figure 2's.
      optimizer: of those searches, "adam" or "lbfgs".
      batch_size: number of stimuli that are searched together.
      cochleagram_learning_rate: learning rate where the cochleagram is optimised; None for the
        network's.
      relu_layers: by role, the layers in Figure 2; None for all metamer layers that end in a ReLU.
      relu_stimuli: number of stimuli in Figure 2.
      relu_iterations: by kind, the number of steps of Figure 2's searches, which are by Adam: it compares
        two ways that Adam is given to go.
      null_rule: what rho of a metamer must exceed, see `criteria.null_rule.check_rule`.
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
    null_signals: Mapping[str, int] = dataclasses.field(default_factory=dict)
    null_rule: str = MAXIMUM


def built(part: Part) -> Network:
    """The network of a part; one of the catalog without its weights.

    Raises:
      InputError: the file of a network of the user's, or its function, does not give one.
    """
    return _built(part.spec, part.checkpoint if part.builder else None)


@functools.cache  # a network of the paper's size takes a second
def _built(spec: str, checkpoint: str | None) -> Network:
    if spec in catalog.networks():
        return catalog.build_network(spec)
    return named_network.load(spec, checkpoint)


def with_networks(scale: Scale, given: Sequence[str], checkpoints: Sequence[str]) -> Scale:
    """The scale with image networks of the user's in the comparisons of claims 1, 3 and 4.

    Args:
      scale: one of `scales.SCALES`.
      given: "ROLE=FILE.py:FUNCTION" or "ROLE=MODEL.keras" each; all metamer layers of each are matched.
      checkpoints: "ROLE=CHECKPOINT" each, those of other roles too; a FUNCTION is called with its own, or
        without arguments.

    Raises:
      InputError: a text of another form, a role or network's name that is taken, a network of sounds, or
        one that cannot be built.
    """
    of_role = _checkpoints(checkpoints)
    for text in given:
        role, _, builder = text.partition("=")
        if not re.fullmatch("[a-z][a-z0-9_]*", role) or not re.fullmatch(r".+(\.py:\w+|\.keras)", builder):
            raise InputError(
                f"--network={text}: expected ROLE=FILE.py:FUNCTION or ROLE=MODEL.keras, the role of small "
                f"letters, digits and _"
            )
        if role in [part.role for part in scale.parts]:
            raise InputError(f"--network={text}: the role {role} is taken; choose another word")
        part = Part(role, "", "image", None, _UNKNOWN_SECONDS, of_role.get(role), builder=builder)
        network = built(part)
        if network.signal.kind != "image":
            raise InputError(f"--network={text}: takes {network.signal.kind}s; only image networks are added")
        if network.name in [part.network for part in scale.parts]:
            raise InputError(f"--network={text}: its name, {network.name}, is taken; give it another")
        scale = dataclasses.replace(
            scale, parts=(*scale.parts, dataclasses.replace(part, network=network.name))
        )
    return scale


def with_layers(scale: Scale, given: Sequence[str]) -> Scale:
    """The scale with other layers to match.

    Args:
      scale: one of `scales.SCALES`, with the user's networks.
      given: "ROLE=LAYER,LAYER..." each.

    Raises:
      InputError: there is no such role or layer, or a text has another form.
    """
    parts = {part.role: part for part in scale.parts}
    for text in given:
        role, _, layers = text.partition("=")
        if role not in parts or not layers:
            raise InputError(f"--layers={text}: expected ROLE=LAYER,LAYER with a role of {', '.join(parts)}")
        wanted = built(parts[role]).check_layers(layers.split(","))
        parts[role] = dataclasses.replace(parts[role], layers=wanted)
    return dataclasses.replace(scale, parts=tuple(parts.values()))


def _checkpoints(given: Sequence[str]) -> dict[str, str]:
    """Checkpoints by role."""
    return dict(text.partition("=")[::2] for text in given)


def with_checkpoints(scale: Scale, given: Sequence[str]) -> tuple[Scale, dict[str, str]]:
    """The scale with only those networks that have weights here.

    Args:
      scale: one of `scales.SCALES`.
      given: "ROLE=CHECKPOINT" each.

    Returns:
      The scale, and for each role that was left out the reason.

    Raises:
      InputError: there is no such role or checkpoint, or a text has another form.
    """
    roles = [part.role for part in scale.parts]
    checkpoints = _checkpoints(given)
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
    if checkpoint.startswith(UNTRAINED):
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


def files_of(part: Part) -> list[Path]:
    """The files that a network and its weights are read from; none where a server has them."""
    if part.builder.endswith(".keras"):
        return [Path(part.builder), named_network.signal_file(part.builder)]
    if part.builder:
        return [Path(part.builder.rpartition(":")[0]), *_files(part.checkpoint or "")]
    return _files(_checkpoint(part))


def _checkpoint(part: Part) -> str:
    return part.checkpoint or str(manifest.default_checkpoint(part.network))


def _digest(part: Part) -> str:
    """Digest of the content of a network's weights; the checkpoint's name where it is no file."""
    files = files_of(part)
    if part.builder:
        return text_digest([part.builder, *file_digests(files)])
    return text_digest(file_digests(files)) if files else _checkpoint(part)


def _missing(part: Part, used: set[tuple[str, str | None]]) -> str:
    """Why a network has no weights of its own; an empty text if it has."""
    if (part.network, part.checkpoint) in used:
        return f"another training of {part.network} is needed: --checkpoint={part.role}=PATH"
    if part.checkpoint is None and not part.builder:
        try:
            manifest.default_checkpoint(part.network)
        except InputError as error:
            return str(error)
    return ""
