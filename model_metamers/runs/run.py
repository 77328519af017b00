"""A run: metamers of many stimuli at many layers of a network, into one folder.

Everything that can be refused is refused before the first step. A run that is stopped
and started again does no finished work twice and continues an unfinished search from
its last saved step to the same bits.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from model_metamers import criteria
from model_metamers.criteria.null import NullDistribution
from model_metamers.criteria.null_file import read_null
from model_metamers.criteria.null_rule import MAXIMUM, check_rule, limit, needs_classes
from model_metamers.errors import DamagedFileError, InputError, OtherSettingsError
from model_metamers.runs import null_runs
from model_metamers.runs.batch_size import AUTO, check_batch_size, noted
from model_metamers.runs.batches import WHOLE, Shard
from model_metamers.runs.folder import LONGEST_NETWORK, RunFolder, check_length, check_names, check_printable
from model_metamers.runs.intact import check_place
from model_metamers.runs.mending import gave_verdicts
from model_metamers.runs.record import Record, read_record
from model_metamers.storage.claims import claim_folder, read_noted
from model_metamers.storage.digests import array_digest, text_digest
from model_metamers.storage.reading import read_json
from model_metamers.storage.whole import make_folder
from model_metamers.synthesis.config import SynthesisConfig

_log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from model_metamers.networks.network import Network


@dataclasses.dataclass(frozen=True)
class Run:
    """What is to be made.

    Attributes:
      network: with weights.
      layers: to match, each by metamers of its own.
      stimuli: targets by name, of shape `network.signal.shape`.
      null_stimuli: further natural signals for the null distribution; the targets
        always take part.
      out: folder of the run.
      config: of every search.
      batch_size: stimuli searched together; "auto" chooses by the memory that is free, and keeps to what
        was chosen first for its folder.
      null: a null distribution that was measured elsewhere; None measures one.
      null_rule: what rho must exceed, see `null_rule.check_rule`; "maximum" is the paper's.
      classes: of the signals, by name, which tell pairs of one class in a null distribution that is
        measured; those that are not named have none.
      shard: which of the batches are made.
      threads: of TensorFlow and BLAS, which this process is set up with (`execution.worker_setup`); None
        leaves them as they are, and promises no last bits. With threads, folder and records note them and
        the batch size, and stimuli are always searched for in whole batches.
      tensorboard_dir: folder of what TensorBoard reads of the searches; None for nothing.
    """

    network: Network
    layers: Sequence[str]
    stimuli: Mapping[str, np.ndarray]
    null_stimuli: Mapping[str, np.ndarray]
    out: Path
    config: SynthesisConfig
    batch_size: int | str = 8
    null: NullDistribution | None = None
    null_rule: str = MAXIMUM
    classes: Mapping[str, str] = dataclasses.field(default_factory=dict)
    shard: Shard = WHOLE
    threads: int | None = None
    tensorboard_dir: Path | None = None

    @property
    def folder(self) -> RunFolder:
        """Where this network's results lie."""
        return RunFolder(self.out, self.network.name)


class Made(NamedTuple):
    """What became of one metamer of a run.

    Attributes:
      layer, stimulus: whose it is.
      record: of the metamer; an InputError where it could not be made.
    """

    layer: str
    stimulus: str
    record: Record | InputError


def over_cochleagrams(run: Run) -> Run:
    """The run whose searches vary the cochleagram instead of the sound (paper 5, Figure S9).

    Args:
      run: of a network that hears by a cochleagram, and sounds.

    Returns:
      The same run of the network's `cochleagram_view` and the sounds' cochleagrams.

    Raises:
      InputError: the network has no cochleagram.
    """
    from model_metamers.networks.cochleagram_view import cochleagram_view, to_cochleagram

    view = cochleagram_view(run.network)
    stimuli, null_stimuli = (
        {name: to_cochleagram(run.network, sound) for name, sound in sounds.items()}
        for sounds in (run.stimuli, run.null_stimuli)
    )
    return dataclasses.replace(run, network=view, stimuli=stimuli, null_stimuli=null_stimuli)


def check(run: Run) -> None:
    """Refuses what cannot be made; writes nothing.

    Raises:
      InputError: unknown layer, no batch size, no stimuli, names that would share a folder, a null
        distribution of other weights or without a layer of the run, or a folder with the
        metamer of another target of the same name.
    """
    in_full = run.network.check_layers(run.layers)
    if in_full != tuple(run.layers):
        raise InputError(f"layers: expected full names, {', '.join(in_full)}; got {', '.join(run.layers)}")
    check_batch_size(run.batch_size)
    if run.threads is not None and run.batch_size == AUTO:
        raise InputError(
            "batch_size=auto: last bits depend on it, and are promised with --threads; give a number"
        )
    if not run.stimuli:
        raise InputError("there are no stimuli")
    check_names([run.network.name], "networks", LONGEST_NETWORK)
    check_names(run.layers, "layers")
    check_names(run.stimuli, "stimuli")
    check_length(run.folder.metamer(max(run.layers, key=len), max(run.stimuli, key=len)).path)
    check_printable(run.network.checkpoint_place or "", "checkpoint")
    check_rule(run.null_rule)
    if run.null is not None:
        criteria.check_null(run.null, run.network.name, run.network.checkpoint_digest)
        for layer in run.layers:
            limit(run.null.at(layer), run.null_rule, layer)
    elif needs_classes(run.null_rule) and len(set(run.classes.values())) < 2:
        raise InputError(
            f"null_rule={run.null_rule}: needs signals of at least two known classes; give --labels or class "
            f"folders, or a null distribution of labelled signals (--null)"
        )
    elif run.config.needs_null and len(_null_signals(run)) < 2:
        raise InputError(
            f"{run.config.needs_null}: needs a null distribution, and there is one signal alone to measure "
            f"it on; give --null, or further natural signals (--null_inputs)"
        )
    digests = {name: array_digest(target) for name, target in run.stimuli.items()}
    for layer in run.layers:
        for name, digest in digests.items():
            folder = run.folder.metamer(layer, name).path
            if folder.exists() and _other_target(folder, digest):
                raise InputError(
                    f"{folder}: holds the metamer of another target of that name; rename the stimulus "
                    f"or choose another folder"
                )


def _other_target(folder: Path, digest: str) -> bool:
    """Whether a folder holds the metamer of another target; one that is broken is made again."""
    try:
        record = read_record(folder)
        check_place(folder, record)
    except DamagedFileError:
        return False
    return record.target_sha256 != digest


def claim(run: Run, resume: bool = True) -> None:
    """Makes the folder, and keeps it for runs of these settings.

    Raises:
      InputError: it holds a run with other settings, or any where `resume` is False.
      StorageError: it cannot be written.
    """
    config = run.config.for_network(run.network).identity()
    settings = {"network": run.network.name, "checkpoint": run.network.checkpoint_digest, **config}
    if run.config.needs_null:  # then verdicts decide the metamers, and the null those
        settings["null"] = run.null.digest if run.null else f"of signals {null_digest(run)}"
        if run.null_rule != MAXIMUM:
            settings["null_rule"] = run.null_rule
    beside: dict[str, Any] = dict(noted(run))
    settings |= computed(run)
    there = read_noted(run.folder.path)
    if run.null_rule != MAXIMUM or "null_rule" in there:
        beside = {**there, **beside, "null_rule": run.null_rule}
    try:
        claim_folder(run.folder.path, settings, resume, every_key=True, noted=beside)
    except OtherSettingsError as error:
        raise OtherSettingsError(f"{error}{_of_threads(run)}") from error


def _of_threads(run: Run) -> str:
    """What to do where the run that is there fixed other threads than this one, for a message."""
    threads = read_json(run.folder.settings, "settings").get("threads")
    if threads == run.threads:
        return ""
    if threads is None:
        return ", or leave out --threads and --cluster: they go on only with a run that was begun with them"
    return f", or give --threads={threads}, with which the run there was begun"


def computed(run: Run) -> dict[str, int]:
    """What the last bits of a run's metamers depend on; nothing where the run promises none."""
    return {} if run.threads is None else {"threads": run.threads, "batch_size": int(run.batch_size)}


def prepare(run: Run, resume: bool = True) -> None:
    """Both `check` and `claim`."""
    check(run)
    claim(run, resume)


def measure_null(run: Run, progress: bool = True) -> NullDistribution | None:
    """The null distribution over all given signals; measured once, then read back.

    One that was measured elsewhere is taken instead. Either is kept in the run's folder, with the rule by
    which it judges.

    Returns:
      None where there are not two signals.
    """
    if run.null is None:
        null = _measured_null(run, progress)
        stimuli = null_digest(run)
    else:  # kept with the verdicts that it gives; no signals of this run have such a digest
        null, stimuli = run.null, f"of null {run.null.digest}"
    if null is None:
        return None
    null = null.by_rule(run.null_rule) if null.rule != run.null_rule else null
    if not _is_kept(run.folder.null, null):
        make_folder(run.folder.path)
        null_runs.write(run.folder.null, null, stimuli)
    return null


def _is_kept(path: Path, null: NullDistribution) -> bool:
    with contextlib.suppress(InputError):
        return path.exists() and null_runs.read(path).digest == null.digest
    return False


def _measured_null(run: Run, progress: bool) -> NullDistribution | None:
    """The null distribution over all given signals, read where it is there; None of less than two signals."""
    from model_metamers.criteria.null_distribution import null_distribution

    signals = _null_signals(run)
    if len(signals) < 2:
        return None
    layers = tuple(dict.fromkeys([*run.network.layers, *run.layers]))
    path = run.folder.null
    if path.exists():
        try:
            null, measured_on = read_null(path)
            if (
                measured_on == null_digest(run)
                and set(layers) <= null.layers.keys()
                and gave_verdicts(run.folder, null)
            ):
                return null
        except InputError as error:
            _log.info("%s; measured again", error)
    names = [_names(run)[digest][0] for digest in signals]
    null = null_distribution(
        run.network,
        layers,
        np.stack(list(signals.values())),
        progress=progress,
        names=names,
        classes=[run.classes.get(name) for name in names],
    )
    copied = [(copy, first) for first, *others in _names(run).values() for copy in others]
    return dataclasses.replace(null, copied_files=tuple(copied))


def null_digest(run: Run) -> str:
    """Of all signals that a run's null distribution is measured on, in any order."""
    return text_digest(["".join(sorted(_null_signals(run)))])


def _null_signals(run: Run) -> dict[str, np.ndarray]:
    """All given signals by their digest: a signal is not unrelated to itself."""
    return {array_digest(s): s for s in (*run.stimuli.values(), *run.null_stimuli.values())}


def _names(run: Run) -> dict[str, list[str]]:
    """The names of the signals of a digest, in order."""
    names: dict[str, list[str]] = {}
    for given in (run.stimuli, run.null_stimuli):
        for name, signal in given.items():
            of_one = names.setdefault(array_digest(signal), [])
            of_one += [name] * (name not in of_one)
    return names
