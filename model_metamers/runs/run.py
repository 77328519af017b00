"""A run: metamers of many stimuli at many layers of a network, into one folder.

Everything that can be refused is refused before the first step. A run that is stopped
and started again does no finished work twice and continues an unfinished search from
its last saved step to the same bits.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from model_metamers import criteria
from model_metamers.criteria.null import NullDistribution, read_null, write_null
from model_metamers.errors import DamagedFileError, InputError, StorageError
from model_metamers.runs import results, searches
from model_metamers.runs.folder import LONGEST_NETWORK, RunFolder, check_length, check_names, check_printable
from model_metamers.runs.intact import check_place
from model_metamers.runs.mending import gave_verdicts, judge_anew, mend
from model_metamers.runs.record import Record, read_record
from model_metamers.storage.claims import claim_folder
from model_metamers.storage.digests import array_digest, text_digest
from model_metamers.storage.whole import make_folder, was_set_aside
from model_metamers.synthesis.config import SynthesisConfig
from model_metamers.synthesis.state import SearchState, read_state, write_state

_log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from model_metamers.networks.network import Network
    from model_metamers.synthesis.search import Search


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
      batch_size: stimuli searched together.
      null: a null distribution that was measured elsewhere; None measures one.
    """

    network: Network
    layers: Sequence[str]
    stimuli: Mapping[str, np.ndarray]
    null_stimuli: Mapping[str, np.ndarray]
    out: Path
    config: SynthesisConfig
    batch_size: int = 8
    null: NullDistribution | None = None

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
      InputError: unknown layer, no stimuli, names that would share a folder, a null
        distribution of other weights or without a layer of the run, or a folder with the
        metamer of another target of the same name.
    """
    run.network.check_layers(run.layers)
    if not run.stimuli:
        raise InputError("there are no stimuli")
    check_names([run.network.name], "networks", LONGEST_NETWORK)
    check_names(run.layers, "layers")
    check_names(run.stimuli, "stimuli")
    check_length(run.folder.metamer(max(run.layers, key=len), max(run.stimuli, key=len)).path)
    check_printable(run.network.checkpoint_place or "", "checkpoint")
    if run.null is not None:
        criteria.check_null(run.null, run.network.name, run.network.checkpoint_digest)
        for layer in run.layers:
            run.null.at(layer)
    elif run.config.stop_when is not None and len(_null_signals(run)) < 2:
        raise InputError(
            f"stop_when={run.config.stop_when}: needs a null distribution, and there is one signal alone to "
            f"measure it on; give --null, or further natural signals (--null_inputs)"
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
    if run.config.stop_when is not None:  # then verdicts decide the metamers, and the null those
        settings["null"] = run.null.digest if run.null else f"of signals {null_digest(run)}"
    claim_folder(run.folder.path, settings, resume, every_key=True)


def prepare(run: Run, resume: bool = True) -> None:
    """Both `check` and `claim`."""
    check(run)
    claim(run, resume)


def measure_null(run: Run, progress: bool = True) -> NullDistribution | None:
    """The null distribution over all given signals; measured once, then read back.

    One that was measured elsewhere is taken instead.

    Returns:
      None where there are not two signals.
    """
    from model_metamers.criteria.null_distribution import null_distribution

    if run.null is not None:
        return run.null
    signals = _null_signals(run)
    if len(signals) < 2:
        return None
    layers = tuple(dict.fromkeys([*run.network.layers, *run.layers]))
    stimuli = null_digest(run)
    path = run.folder.null
    if path.exists():
        try:
            null, measured_on = read_null(path)
            if (
                measured_on == stimuli
                and set(layers) <= null.layers.keys()
                and gave_verdicts(run.folder, null)
            ):
                return null
        except InputError as error:
            _log.info("%s; measured again", error)
    null = null_distribution(run.network, layers, np.stack(list(signals.values())), progress=progress)
    write_null(path, null, stimuli)
    return null


def make(run: Run, null: NullDistribution | None, progress: bool = True) -> Iterator[Made]:
    """Searches for every metamer that is not there yet, or is there but broken (see `mend`).

    Those that are there are judged by this null distribution, whatever they were judged by before.

    A signal that diverges has no metamer; the others of its batch are made. Nothing is kept
    of it, so that the next run searches for it again, and says again what came of it.

    Yields:
      What became of every metamer, now or before.

    Raises:
      StorageError: a metamer or a state cannot be written; the rest would be lost as well.
      KeyboardInterrupt: after the state of the stopped search was saved.
    """
    from model_metamers.synthesis.search import Search

    names = list(run.stimuli)
    whole = mend(run.folder, {run.folder.metamer(layer, name) for layer in run.layers for name in names})
    if null is not None:
        judge_anew(whole, null)
    for layer in run.layers:
        search = Search(run.network, layer, run.config, null)
        for first in range(0, len(names), run.batch_size):
            batch = names[first : first + run.batch_size]
            failed: dict[str, InputError] = {}
            try:
                failed = _make_batch(run, search, batch, null, progress)
            except StorageError:
                raise
            except InputError as error:
                failed = dict.fromkeys(batch, error)
            for name in batch:
                folder = run.folder.metamer(layer, name).path
                yield Made(layer, name, failed[name] if name in failed else read_record(folder))
    searches.remove_spent(run.folder)


def _make_batch(
    run: Run, search: Search, names: list[str], null: NullDistribution | None, progress: bool
) -> dict[str, InputError]:
    """Searches, and writes the metamers of a batch that are missing.

    Returns:
      An error for each that diverged.
    """
    from model_metamers.synthesis.making import to_metamers

    folders = {name: run.folder.metamer(search.layer, name).path for name in names}
    missing = [name for name in names if not folders[name].exists()]
    if not missing:
        return {}
    # A state of the whole batch comes first, though some of its metamers may be written. So does the
    # batch where one is made again: alone, it would be another to the last bits.
    path = _state_path(run, search, names)
    if not path.exists() and not any(was_set_aside(folders[name]) for name in missing):
        names = missing
        path = _state_path(run, search, names)
    state = _saved_state(path)
    make_folder(path.parent)
    targets = np.stack([run.stimuli[name] for name in names])
    digests = [array_digest(target) for target in targets]
    state, finished = search.run(
        targets, state=state, save=lambda s: write_state(path, s, digests), progress=progress
    )
    if not finished:
        raise KeyboardInterrupt
    for metamer in to_metamers(search, names, targets, state):
        folder = folders[metamer.stimulus]
        if not folder.exists():
            results.save(metamer, folder, run.network, null)
    path.unlink(missing_ok=True)
    return {names[i]: search.diverged_error({names[i]: step}) for i, step in state.diverged.items()}


def _saved_state(path: Path) -> SearchState | None:
    """The state to go on from; None where there is none, or one that is damaged, which a line tells."""
    try:
        return read_state(path) if path.exists() else None
    except DamagedFileError as error:
        _log.info("%s; the search begins again", error)
        return None


def _state_path(run: Run, search: Search, names: list[str]) -> Path:
    """The file of a batch's unfinished search."""
    return searches.state_path(run.folder, search, [array_digest(run.stimuli[name]) for name in names])


def null_digest(run: Run) -> str:
    """Of all signals that a run's null distribution is measured on, in any order."""
    return text_digest(["".join(sorted(_null_signals(run)))])


def _null_signals(run: Run) -> dict[str, np.ndarray]:
    """All given signals by their digest: a signal is not unrelated to itself."""
    return {array_digest(s): s for s in (*run.stimuli.values(), *run.null_stimuli.values())}
