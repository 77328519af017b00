"""A run: metamers of many stimuli at many layers of a network, into one folder.

Everything that can be refused is refused before the first step. A run that is stopped
and started again does no finished work twice and continues an unfinished search from
its last saved step to the same bits.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from model_metamers import criteria, synthesis
from model_metamers.criteria.null import NullDistribution, read_null, write_null
from model_metamers.criteria.null_distribution import null_distribution
from model_metamers.errors import InputError
from model_metamers.networks.cochleagram_view import cochleagram_view, to_cochleagram
from model_metamers.networks.network import Network
from model_metamers.runs import results
from model_metamers.runs.folder import RunFolder, check_names
from model_metamers.storage.claims import claim_folder
from model_metamers.storage.digests import array_digest, text_digest
from model_metamers.synthesis.config import SynthesisConfig
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
    """

    network: Network
    layers: Sequence[str]
    stimuli: Mapping[str, np.ndarray]
    null_stimuli: Mapping[str, np.ndarray]
    out: Path
    config: SynthesisConfig
    batch_size: int = 8

    @property
    def folder(self) -> RunFolder:
        """Where this network's results lie."""
        return RunFolder(self.out, self.network.name)


def over_cochleagrams(run: Run) -> Run:
    """The run whose searches vary the cochleagram instead of the sound (paper 5, Figure S9).

    Args:
      run: of a network that hears by a cochleagram, and sounds.

    Returns:
      The same run of the network's `cochleagram_view` and the sounds' cochleagrams.

    Raises:
      InputError: the network has no cochleagram.
    """
    view = cochleagram_view(run.network)
    stimuli, null_stimuli = (
        {name: to_cochleagram(run.network, sound) for name, sound in sounds.items()}
        for sounds in (run.stimuli, run.null_stimuli)
    )
    return dataclasses.replace(run, network=view, stimuli=stimuli, null_stimuli=null_stimuli)


def prepare(run: Run, resume: bool = True) -> None:
    """Makes the folder, and refuses one that this run must not continue.

    Raises:
      InputError: unknown layer, no stimuli, an output folder that cannot be written, that
        holds a run with other settings, or that holds any run where `resume` is False.
    """
    run.network.check_layers(run.layers)
    if not run.stimuli:
        raise InputError("there are no stimuli")
    check_names([run.network.name], "networks")
    check_names(run.layers, "layers")
    check_names(run.stimuli, "stimuli")
    claim_folder(run.folder.path, _settings(run), resume)
    for layer in run.layers:
        for name, target in run.stimuli.items():
            folder = run.folder.metamer(layer, name).path
            if folder.exists() and results.load_record(folder)["target_sha256"] != array_digest(target):
                raise InputError(
                    f"{folder}: holds the metamer of another target of that name; rename the stimulus "
                    f"or choose another folder"
                )


def measure_null(run: Run, progress: bool = True) -> NullDistribution | None:
    """The null distribution over all given signals; measured once, then read back.

    Returns:
      None where there are not two signals.
    """
    signals = _distinct([*run.stimuli.values(), *run.null_stimuli.values()])
    if len(signals) < 2:
        return None
    layers = tuple(dict.fromkeys([*run.network.layers, *run.layers]))
    stimuli = text_digest(["".join(sorted(map(array_digest, signals)))])
    path = run.folder.null
    if path.exists():
        null, measured_on = read_null(path)
        if measured_on == stimuli and set(layers) <= null.layers.keys():
            return null
    null = null_distribution(run.network, layers, np.stack(signals), progress=progress)
    write_null(path, null, stimuli)
    return null


def use_null(run: Run, null: NullDistribution) -> NullDistribution:
    """A null distribution that was measured elsewhere.

    Raises:
      InputError: it is of other weights, or lacks a layer of the run.
    """
    criteria.check_null(null, run.network.name, run.network.checkpoint_digest)
    for layer in run.layers:
        null.maximum(layer)
    return null


def make(
    run: Run, null: NullDistribution | None, progress: bool = True
) -> Iterator[tuple[str, str, dict[str, Any] | InputError]]:
    """Searches for every metamer that is not there yet.

    Yields:
      (layer, stimulus, record) of every metamer, found now or before; an InputError in
      the place of the record where the search diverged.

    Raises:
      KeyboardInterrupt: after the state of the stopped search was saved.
    """
    names = list(run.stimuli)
    for layer in run.layers:
        search = Search(run.network, layer, run.config)
        for first in range(0, len(names), run.batch_size):
            batch = names[first : first + run.batch_size]
            try:
                _make_batch(run, search, batch, null, progress)
            except InputError as error:
                yield from ((layer, name, error) for name in batch)
                continue
            for name in batch:
                yield layer, name, results.load_record(run.folder.metamer(layer, name).path)


def _make_batch(run: Run, search: Search, names: list[str], null, progress: bool) -> None:
    """Searches, and writes the metamers of a batch that are missing."""
    missing = [name for name in names if not run.folder.metamer(search.layer, name).path.exists()]
    if not missing:
        return
    state, path = None, _state_path(run, search, names)
    if path.exists():
        state = results.read_state(path)  # of the whole batch, though some may be written
    else:
        names = missing
        path = _state_path(run, search, names)
        state = results.read_state(path) if path.exists() else None
    path.parent.mkdir(parents=True, exist_ok=True)
    targets = np.stack([run.stimuli[name] for name in names])
    state, finished = search.run(
        targets, state=state, save=lambda s: results.write_state(path, s), progress=progress
    )
    if not finished:
        raise KeyboardInterrupt
    for metamer in synthesis.to_metamers(search, names, targets, state):
        folder = run.folder.metamer(search.layer, metamer.stimulus).path
        if not folder.exists():
            results.save(metamer, folder, run.network, null)
    path.unlink(missing_ok=True)


def _state_path(run: Run, search: Search, names: list[str]) -> Path:
    """The file of a batch's unfinished search, named by all that defines it."""
    defines = [run.network.checkpoint_digest, search.layer, repr(search.config.identity())]
    defines += [array_digest(run.stimuli[name]) for name in names]
    key = text_digest(defines)[:16]
    return run.folder.search(search.layer, key)


def _settings(run: Run) -> dict[str, Any]:
    config = run.config.for_network(run.network).identity()
    return {"network": run.network.name, "checkpoint": run.network.checkpoint_digest, **config}


def _distinct(signals: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The signals without repetitions: a signal is not unrelated to itself."""
    return list({array_digest(signal): signal for signal in signals}.values())
