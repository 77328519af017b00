"""What is put before a judge: the metamers of runs, and their natural targets."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from model_metamers.criteria.null_rule import MAXIMUM
from model_metamers.criteria.verdict import Measurement, Verdict
from model_metamers.errors import InputError
from model_metamers.networks.names import viewed_name
from model_metamers.recognition.decisions import label_of
from model_metamers.recognition.generators import weights_place
from model_metamers.recognition.judgement import NATURAL, Who
from model_metamers.runs import intact, shown_files
from model_metamers.runs.folder import MetamerFolder, find_metamers
from model_metamers.runs.record import Record, read_record
from model_metamers.signals import images
from model_metamers.signals.refit import refit
from model_metamers.signals.spec import SignalSpec
from model_metamers.storage.reading import read_arrays

CRITERIA = ("file", "float", "none")
_log = logging.getLogger(__name__)

# What does not decide a metamer beyond its seed, which is told by itself.
_NO_SETTINGS = ("seed", "log_every")
# What the search varied, by kind of signal.
_OPTIMIZED = {"image": "image", "sound": "waveform", "cochleagram": "cochleagram"}


@dataclasses.dataclass(frozen=True)
class Presentation:
    """A metamer or a natural target, before it is read.

    Attributes:
      folder, stem: of the file.
      part: "file", as a person is shown it, or "float".
      generator, generator_weights: the network it was made for, and its weights' digest.
      generator_place: where its record says that the weights were, see `generators.weights_place`.
      layer, layer_index: that was matched, counted from the earliest metamer layer; "natural"
        and -1 for a target.
      stimulus, search_seed: name of the target; seed of the noise, None for a target.
      settings: of the search, but for the seed, as text, and the null rule where it is not the paper's;
        empty for a target.
      relu_gradient: one of them, empty for a target.
      included, reason: whether it meets the criteria, and why it does not.
      label: the class that the generator gave to the target, None without.
      spec: of the signal.
    """

    folder: Path
    stem: str
    part: str
    generator: str
    generator_weights: str
    generator_place: str | None
    layer: str
    layer_index: int
    stimulus: str
    search_seed: int | None
    settings: str
    relu_gradient: str
    included: bool
    reason: str
    label: str | None
    spec: SignalSpec

    @property
    def generated_by(self) -> Who:
        """The network that it was made for."""
        return Who(self.generator, self.generator_weights)

    @property
    def is_file(self) -> bool:
        """Whether the picture or sound is judged; of a cochleagram, only the values can be."""
        return self.part == "file" and self.spec.kind != "cochleagram"

    @property
    def path(self) -> Path:
        """The file that is judged."""
        place = MetamerFolder(self.folder)
        return place.shown(self.stem, self.spec.kind) if self.is_file else place.arrays

    @property
    def optimized(self) -> str:
        """What the search varied: "image", "waveform" or "cochleagram"; of a target, its metamers'."""
        return _OPTIMIZED[self.spec.kind]

    @property
    def point(self) -> tuple:
        """What the presentations of one point of a curve have in common."""
        weights = (self.generator, self.generator_weights, self.optimized)
        return (*weights, self.layer_index, self.layer, self.settings)

    def digest(self) -> str:
        """sha256 of what is judged, hex."""
        about = repr((self.path.name, self.stem, dataclasses.astuple(self.spec)))
        try:
            return hashlib.sha256(about.encode() + self.path.read_bytes()).hexdigest()
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read ({error.strerror})") from error

    def read(self, spec: SignalSpec) -> np.ndarray:
        """The signal as a network takes it, float32 of shape `spec.shape`; see `refit`."""
        if self.is_file and spec.kind == self.spec.kind == "image":
            return images.load_image(self.path, spec)
        if self.is_file:
            return refit(shown_files.read_shown(self.path, self.spec), self.spec, spec, str(self.path))
        array = "target" if self.stem == "target" else "signal"
        return refit(read_arrays(self.path, (array,))[array], self.spec, spec, str(self.path))


def find(folders: Sequence[str | Path], criteria: str = "file") -> list[Presentation]:
    """Every metamer below folders, and each generator's natural targets, in order.

    All that is there is found, whichever command of a run made it; a line is logged where the same
    target counts under two names, as after a stimulus's file was renamed.

    Args:
      folders: of runs, at any depth; of several seeds, say.
      criteria: whose verdict includes a metamer, that on the "file", which is judged then,
        or on the "float" signal, which is judged then; "none" includes all, as files.

    Raises:
      InputError: no metamers, a damaged one, one with a file that is not its own, no verdict on any,
        verdicts of different null distributions at one layer, two of the same network, layer,
        stimulus, settings and seed, or two targets of one name.
    """
    if criteria not in CRITERIA:
        raise InputError(f"criteria={criteria!r}: expected one of {', '.join(CRITERIA)}")
    metamers: dict[tuple, Presentation] = {}
    targets: dict[tuple, tuple[str, Presentation]] = {}
    records = [(folder, read_record(folder)) for folder in _metamer_folders(folders)]
    for folder, record in records:
        intact.check_files(folder, record)
    verdicts = 0
    for folder, record in records:
        metamer, target = _presentations(folder, record, criteria)
        verdicts += _verdict(record, criteria) is not None
        key = (*metamer.point, metamer.stimulus, metamer.search_seed)
        if key in metamers:
            raise InputError(
                f"{folder} and {metamers[key].folder}: two metamers of the same network, layer, "
                f"stimulus, settings and seed; name folders that hold one of them"
            )
        metamers[key] = metamer
        first = targets.setdefault((*target.point, target.stimulus), (record.target_sha256, target))
        if first[0] != record.target_sha256:
            raise InputError(f"{folder} and {first[1].folder}: two targets of the name {target.stimulus!r}")
    if criteria != "none":
        intact.check_nulls(records)
    if criteria != "none" and not verdicts:
        raise InputError(
            f"no metamer has a verdict ({criteria}), because no null distribution was measured for its run; "
            f"make them with --null or --null_inputs, or set the criteria to none"
        )
    _tell_of_two_names(records)
    both = {**{(*key, -1): target for key, (_, target) in targets.items()}, **metamers}
    return [both[key] for key in sorted(both)]


def read_presentation(folder: Path, stem: str, part: str) -> Presentation:
    """A metamer or its target, as `find` gives it where all are included.

    Args:
      folder: of the metamer.
      stem, part: see `Presentation`.

    Raises:
      InputError: there is no record of a metamer that can be read.
    """
    metamer, target = _presentations(folder, read_record(folder), "float" if part == "float" else "none")
    return target if stem == "target" else metamer


def _tell_of_two_names(records: Sequence[tuple[Path, Record]]) -> None:
    """Logs which targets are there under two names: each of them counts."""
    names: dict[tuple[str, str, str], dict[str, Path]] = {}
    for folder, record in records:
        target = (record.network, record.checkpoint, record.target_sha256)
        names.setdefault(target, {}).setdefault(record.stimulus, folder)
    for (first, one), (second, other) in (tuple(n.items())[:2] for n in names.values() if len(n) > 1):
        _log.info(
            "%s and %s: one target under two names, %r and %r; both count. If it was renamed, delete the "
            "folders of its old name",
            one,
            other,
            first,
            second,
        )


def _metamer_folders(folders: Sequence[str | Path]) -> list[Path]:
    metamers: dict[Path, Path] = {}
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise InputError(f"{folder}: no such folder")
        for metamer in find_metamers(folder):
            metamers.setdefault(metamer.resolve(), metamer)
    return list(metamers.values())


def _presentations(folder: Path, record: Record, criteria: str) -> tuple[Presentation, Presentation]:
    """A metamer and its target."""
    verdict = _verdict(record, criteria)
    config = record.config.identity()
    rule = {"null_rule": verdict.null_rule} if verdict and verdict.null_rule != MAXIMUM else {}
    shared: dict[str, Any] = {
        "folder": folder,
        "part": "float" if criteria == "float" else "file",
        "generator": viewed_name(record.network),
        "generator_weights": record.checkpoint,
        "generator_place": weights_place(folder, record),
        "stimulus": record.stimulus,
        "label": _label(record.floats.measurement),
        "spec": record.signal,
    }
    metamer = Presentation(
        stem="metamer",
        layer=record.layer,
        layer_index=list(record.floats.measurement.spearman).index(record.layer),
        search_seed=record.config.seed,
        settings=" ".join(f"{k}={v}" for k, v in sorted({**config, **rule}.items()) if k not in _NO_SETTINGS),
        relu_gradient=record.config.relu_gradient,
        included=criteria == "none" or bool(verdict and verdict.passes),
        reason=_reason(criteria, verdict),
        **shared,
    )
    target = Presentation(
        stem="target",
        layer=NATURAL,
        layer_index=-1,
        search_seed=None,
        settings="",
        relu_gradient="",
        included=True,
        reason="",
        **shared,
    )
    return metamer, target


def _verdict(record: Record, criteria: str) -> Verdict | None:
    """The verdict that includes a metamer; None where there is none, or none is asked for."""
    if criteria == "none":
        return None
    return record.floats.verdict if criteria == "float" else record.file.verdict


def _label(measurement: Measurement) -> str | None:
    name = measurement.target_class
    return None if name is None else label_of(name, measurement.target_label)


def _reason(criteria: str, verdict: Verdict | None) -> str:
    if criteria == "none":
        return ""
    return "no verdict: no null distribution" if verdict is None else "; ".join(verdict.reasons)
