"""What a worker does for a batch of a run. Networks stay loaded, with what was compiled for them."""

from __future__ import annotations

import dataclasses
import functools
import platform
from pathlib import Path
from typing import TYPE_CHECKING

import tensorflow as tf

from model_metamers.catalog import named_network
from model_metamers.criteria.null import NullDistribution
from model_metamers.errors import DivergedError, InputError
from model_metamers.networks.cochleagram_view import cochleagram_view
from model_metamers.runs import null_runs
from model_metamers.runs.making import make_batch
from model_metamers.runs.run import Run, over_cochleagrams
from model_metamers.signals import files
from model_metamers.storage.digests import array_digest

if TYPE_CHECKING:
    from model_metamers.networks.network import Network
    from model_metamers.runs.search_batches import SearchBatch

_LOADED = 2  # networks


def make(batch: SearchBatch) -> None:
    """Makes the metamers of a batch; see `SearchBatch.run`."""
    network = loaded_network(batch.network, batch.checkpoint, batch.signal)
    named = dict(zip(batch.names, map(Path, batch.files), strict=True))
    run = Run(
        network=network,
        layers=(batch.layer,),
        stimuli=files.load_signals(named, network.signal),
        null_stimuli={},
        out=Path(batch.out),
        config=batch.config,
        batch_size=batch.batch_size,
        threads=batch.threads,
    )
    if batch.is_cochleagram:
        run = _viewed(run)
    _check(batch, run)
    made = make_batch(run, batch.layer, list(batch.names), _null(run.folder.null, batch.null))
    failed = [one.record for one in made if isinstance(one.record, InputError)]
    # What else went wrong than that a search diverges may go better on another machine.
    for error in sorted(failed, key=lambda error: isinstance(error, DivergedError)):
        raise error


def _check(batch: SearchBatch, run: Run) -> None:
    """Refuses weights or stimuli that are others here than where the batch was cut."""
    if run.network.checkpoint_digest != batch.weights:
        raise InputError(f"{batch.checkpoint or batch.network}: other weights on {platform.node()}")
    for name, file, digest in zip(batch.names, batch.files, batch.targets, strict=True):
        if array_digest(run.stimuli[name]) != digest:
            raise InputError(f"{file}: another signal on {platform.node()}")


@functools.lru_cache(_LOADED)
def loaded_network(name: str, checkpoint: str | None, signal: str | None) -> Network:
    """A network as `named_network.load` gives it, kept; from here on, operations repeat their bits."""
    tf.config.experimental.enable_op_determinism()
    return named_network.load(name, checkpoint, signal)


def _viewed(run: Run) -> Run:
    """`over_cochleagrams`, with the view that this network had before."""
    viewed = over_cochleagrams(run)
    return dataclasses.replace(viewed, network=_view(run.network))


@functools.lru_cache(_LOADED)
def _view(network: Network) -> Network:
    return cochleagram_view(network)


@functools.lru_cache(_LOADED)
def _null(path: Path, digest: str) -> NullDistribution | None:
    if not digest:
        return None
    null = null_runs.read(path)
    if null.digest != digest:
        raise InputError(f"{path}: another null distribution on {platform.node()}")
    return null
