"""The batches of a run as units of work, for any process that sees the run's folder.

Nothing here loads TensorFlow before a unit is run: whoever hands units out unpickles them.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from model_metamers.errors import InputError
from model_metamers.execution.units import Unit
from model_metamers.storage.whole import remove_left_over
from model_metamers.synthesis.config import SynthesisConfig

if TYPE_CHECKING:
    from model_metamers.criteria.null import NullDistribution
    from model_metamers.runs.run import Made, Run


class Drive(Protocol):
    """Lets workers do units."""

    def __call__(
        self,
        units: Sequence[Unit],
        sees: Sequence[Path],
        writes: Sequence[Path],
        watch: Callable[[], None] | None = None,
        after: Mapping[str, Sequence[str]] | None = None,
    ) -> Mapping[str, str]:
        """What failed, by key.

        Args:
          units: to be done.
          sees: files that every worker must see.
          writes: folders that it must be able to write to.
          watch: called now and then, while the units are done.
          after: keys of the units that must be done before a unit is begun, by its key.
        """


@dataclasses.dataclass(frozen=True)
class SearchBatch:
    """Stimuli that are searched for together at one layer.

    Attributes:
      network, checkpoint, signal: as `named_network.load` takes them; paths are absolute.
      weights: digest of the weights that it must have.
      is_cochleagram: whether the network's cochleagram is varied.
      layer: to match.
      names, files, targets: of the stimuli: names, absolute paths, digests of the signals.
      out: folder of the run.
      folder: of this network's results.
      places: of the metamers, in order.
      config: of the search.
      batch_size, threads: of the run.
      null: digest of the null distribution in the folder; "" without one.
    """

    network: str
    checkpoint: str | None
    signal: str | None
    weights: str
    is_cochleagram: bool
    layer: str
    names: tuple[str, ...]
    files: tuple[str, ...]
    targets: tuple[str, ...]
    out: str
    folder: str
    places: tuple[str, ...]
    config: SynthesisConfig
    batch_size: int
    threads: int
    null: str

    @property
    def key(self) -> str:
        return f"{os.path.basename(self.folder)} {self.layer} {self.names[0]}"

    @property
    def group(self) -> str:
        return self.folder

    @property
    def steps(self) -> int:
        return self.config.iterations * len(self.names)

    def done(self) -> bool:
        """Whether all of its metamers are there."""
        return all(os.path.exists(place) for place in self.places)

    def run(self) -> None:
        """Searches for them, from where an earlier search was saved.

        Raises:
          InputError: one of them could not be made; the others are.
          KeyboardInterrupt: after the state of a stopped search was saved.
        """
        from model_metamers.runs import batch_worker

        batch_worker.make(self)


@dataclasses.dataclass(frozen=True)
class Elsewhere:
    """Who makes a run's metamers in place of this process, and from what.

    Attributes:
      network, checkpoint, signal: as they were given to `named_network.load`.
      files: of the stimuli, by name.
      drive: lets workers do units.
    """

    network: str
    checkpoint: str | None
    signal: str | None
    files: Mapping[str, Path]
    drive: Drive

    def sees(self) -> list[Path]:
        """Files that every worker must see: of the network, of its weights, and the first stimulus."""
        own = files_of_network(self.network, self.checkpoint, self.signal)
        return [*own, *list(self.files.values())[:1]]


def units(run: Run, null: NullDistribution | None, elsewhere: Elsewhere) -> list[SearchBatch]:
    """The batches of a run that is claimed, in order; they are the same whatever is there already."""
    from model_metamers.networks.names import viewed_name
    from model_metamers.runs.batches import batches
    from model_metamers.storage.digests import array_digest

    if run.threads is None:
        raise InputError("a run that others make needs threads")
    digests = {name: array_digest(stimulus) for name, stimulus in run.stimuli.items()}
    return [
        SearchBatch(
            network=absolute_network(elsewhere.network),
            checkpoint=absolute(elsewhere.checkpoint) if elsewhere.checkpoint else None,
            signal=absolute(elsewhere.signal) if elsewhere.signal else None,
            weights=run.network.checkpoint_digest,
            is_cochleagram=viewed_name(run.network.name) != run.network.name,
            layer=layer,
            names=tuple(names),
            files=tuple(os.path.abspath(elsewhere.files[name]) for name in names),
            targets=tuple(digests[name] for name in names),
            out=os.path.abspath(run.out),
            folder=os.path.abspath(run.folder.path),
            places=tuple(os.path.abspath(run.folder.metamer(layer, name).record) for name in names),
            config=run.config,
            batch_size=int(run.batch_size),
            threads=run.threads,
            null=null.digest if null else "",
        )
        for layer, names in batches(run)
    ]


def make_elsewhere(
    run: Run,
    null: NullDistribution | None,
    elsewhere: Elsewhere,
    watch: Callable[[], None] | None = None,
) -> Generator[Made, None, None]:
    """As `making.make`, by workers; every metamer is told of when all are over.

    Args:
      run: checked and claimed.
      null: of its network, which lies in its folder; None without.
      elsewhere: who makes them.
      watch: called now and then meanwhile.

    Raises:
      InputError, UnfitWorker, SchedulerLost: see `driving.drive`; what was done is kept.
    """
    from model_metamers.runs.making import begin
    from model_metamers.runs.record import read_record
    from model_metamers.runs.run import Made
    from model_metamers.runs.searches import remove_spent

    begin(run, null)
    all_units = units(run, null, elsewhere)
    failed = elsewhere.drive(all_units, elsewhere.sees(), [run.folder.path], watch)
    for unit in all_units:
        for name in unit.names:
            folder = run.folder.metamer(unit.layer, name)
            if folder.record.exists():
                yield Made(unit.layer, name, read_record(folder.path))
            else:
                yield Made(unit.layer, name, InputError(failed.get(unit.key, "was not made")))
    remove_spent(run.folder)
    remove_left_over(run.folder.path, deep=True)  # of workers that were killed on this machine


def absolute_network(name: str) -> str:
    """A network as any folder's process finds it; the name of one of the catalog is no file's."""
    file = network_file(name)
    return os.path.abspath(file) + name[len(file) :] if file else name


def files_of_network(network: str, checkpoint: str | None, signal: str | None) -> list[Path]:
    """The files of a network, as `named_network.load` takes it: not what ships, or comes from a server."""
    given = [network_file(network), checkpoint, signal]
    return [Path(place) for place in given if place and _is_local(place)]


def network_file(name: str) -> str:
    """The file that a network is named by; "" for one of the catalog."""
    file, _, _ = name.rpartition(":")
    return file if file.endswith(".py") else name * name.endswith(".keras")


def absolute(place: str) -> str:
    """A file as any folder's process finds it; what is none stays as it is."""
    return os.path.abspath(place) if _is_local(place) else place


def _is_local(place: str) -> bool:
    return any(os.path.exists(place + ending) for ending in ("", ".index"))
