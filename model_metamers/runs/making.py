"""The metamers of a run, batch by batch: one is written while the next is searched for."""

from __future__ import annotations

import concurrent.futures
import contextlib
import logging
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from model_metamers.criteria.null import NullDistribution
from model_metamers.errors import DamagedFileError, InputError, StorageError
from model_metamers.execution import stopping
from model_metamers.runs import results, searches
from model_metamers.runs.batches import WHOLE, batches
from model_metamers.runs.folder import safe_name
from model_metamers.runs.mending import judge_anew, mend
from model_metamers.runs.record import read_record
from model_metamers.runs.run import Made, Run, computed
from model_metamers.runs.run_bar import RunBar
from model_metamers.storage.digests import array_digest
from model_metamers.storage.whole import make_folder, was_set_aside
from model_metamers.synthesis.metamer import Metamer
from model_metamers.synthesis.state import SearchState, read_state, write_state

_log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from model_metamers.synthesis.search import Search
    from model_metamers.synthesis.watching import Watch


class _Batch(NamedTuple):
    """A batch whose search is over.

    Attributes:
      layer, names: of its stimuli.
      metamers: those that were found and not there when the search began.
      failed: why others could not be made, by name.
      states: the files of the searches' states; none where nothing was searched for.
    """

    layer: str
    names: list[str]
    metamers: list[Metamer]
    failed: Mapping[str, InputError]
    states: Sequence[Path] = ()


def make(
    run: Run, null: NullDistribution | None, progress: bool = True, bar: RunBar | None = None
) -> Generator[Made, None, None]:
    """Searches for every metamer that is not there yet, or is there but broken (see `mend`).

    Those that are there are judged by this null distribution, whatever they were judged by before.

    A signal that diverges has no metamer; the others of its batch are made. Nothing is kept
    of it, so that the next run searches for it again, and says again what came of it.

    The metamers of a batch are written while the next batch is searched for. What was found is written
    before this ends, however it ends.

    Args:
      run: checked and claimed.
      null: of its network; None without.
      progress: whether to show bars.
      bar: of several runs, which this one goes on with; None for its own.

    Yields:
      What became of every metamer, now or before.

    Raises:
      StorageError: a metamer or a state cannot be written; the rest would be lost as well.
      KeyboardInterrupt: after the state of the stopped search was saved.
    """
    begin(run, null)
    written: concurrent.futures.Future[list[Made]] | None = None
    with (
        contextlib.nullcontext(bar) if bar else RunBar([run], progress) as shown,
        concurrent.futures.ThreadPoolExecutor(1) as pool,  # its end waits for what is being written
    ):
        for search, batch in _batches(run, null):
            found = _search_for(run, search, batch, shown, written)
            shown.end()
            if written:
                yield from written.result()
            written = pool.submit(_write, run, found, null)
        if written:
            yield from written.result()
    searches.remove_spent(run.folder)


def begin(run: Run, null: NullDistribution | None) -> None:
    """Mends what is there of a run, and judges it by its null distribution."""
    wanted = {run.folder.metamer(layer, name) for layer, names in batches(run) for name in names}
    whole = mend(run.folder, wanted)
    if null is not None:
        judge_anew(whole if run.shard == WHOLE else wanted.intersection(whole), null)


def make_batch(run: Run, layer: str, names: list[str], null: NullDistribution | None) -> list[Made]:
    """What `make` does for one batch, in a worker, which may be told to stop (`execution.stopping`).

    Args:
      run: claimed.
      layer, names: of the batch.
      null: of the run's network; None without.

    Raises:
      StorageError, KeyboardInterrupt: as `make`.
    """
    from model_metamers.synthesis.search import Search

    search = Search(run.network, layer, run.config, null)
    return _write(run, _search_for(run, search, names, _Unseen(), None), null)


class _Bar(Protocol):
    """What is told how far the search of a batch is; see `RunBar`."""

    shows_batches: bool

    def begin(self, size: int, searched: int, finished: float) -> None: ...

    def told(self, finished: float) -> None: ...


class _Unseen:
    """Shows nothing, and stops the search where its process was told to end."""

    shows_batches = False

    def begin(self, size: int, searched: int, finished: float) -> None:
        pass

    def told(self, finished: float) -> None:
        if stopping.told():
            raise KeyboardInterrupt


def _batches(run: Run, null: NullDistribution | None) -> Iterator[tuple[Search, list[str]]]:
    """The searches and names of all batches."""
    from model_metamers.synthesis.search import Search

    search = None
    for layer, names in batches(run):
        if search is None or search.layer != layer:
            search = Search(run.network, layer, run.config, null)
        yield search, names


def _search_for(
    run: Run,
    search: Search,
    batch: list[str],
    bar: _Bar,
    written: concurrent.futures.Future[list[Made]] | None,
) -> _Batch:
    """Searches for the metamers of a batch that are missing.

    Args:
      run, search: of the batch.
      batch: names of its stimuli.
      bar: told how far the search is.
      written: the batch before, which may still be written; if that fails, this search ends with its error.
    """
    folders = {name: run.folder.metamer(search.layer, name).path for name in batch}
    missing = [name for name in batch if not folders[name].exists()]
    if not missing:
        bar.begin(len(batch), 0, 0.0)
        return _Batch(search.layer, batch, [], {})
    # A state of the whole batch comes first, though some of its metamers may be written. So does the
    # batch where one is made again, or where last bits are promised: alone, it would be another to them.
    names, path = batch, _state_path(run, search, batch)
    if (
        run.threads is None
        and not path.exists()
        and not any(was_set_aside(folders[name]) for name in missing)
    ):
        names, path = missing, _state_path(run, search, missing)
    state = _saved_state(path)
    bar.begin(len(batch), len(missing), _share(run, 0, state.step) if state else 0.0)
    make_folder(path.parent)
    try:
        found = _searched(run, search, batch, names, state, bar, written)
        return found._replace(metamers=[one for one in found.metamers if one.stimulus in missing])
    except StorageError:
        raise
    except InputError as error:
        return _Batch(search.layer, batch, [], dict.fromkeys(batch, error))


def _searched(
    run: Run,
    search: Search,
    batch: list[str],
    names: list[str],
    state: SearchState | None,
    bar: _Bar,
    written: concurrent.futures.Future[list[Made]] | None,
) -> _Batch:
    """What was found for those stimuli of a batch that are searched for; see `_search_for`.

    Measured here and not where they are written: TensorFlow must not trace in two threads at once. The
    states of all starts are kept until the metamers are written: one that is stopped goes on from them.
    """
    from model_metamers.synthesis.finding import find

    targets = np.stack([run.stimuli[name] for name in names])
    states: list[Path] = []

    def told(step: int) -> None:
        bar.told(_share(run, len(states) - 1, step))

    def run_search(one: Search, places: list[int]) -> tuple[SearchState, bool]:
        own = [names[place] for place in places]
        digests, path = [array_digest(run.stimuli[name]) for name in own], _state_path(run, one, own)
        states.append(path)
        first = one is search
        if not first:
            _log.info(
                "%s: %s not meet the conditions yet; searched from further noise, seed %d",
                search.layer,
                f"{own[0]} does" if len(own) == 1 else f"{len(own)} of {len(names)} metamers do",
                one.config.seed,
            )

        def save(state: SearchState) -> None:
            if written and written.done():
                written.result()
            write_state(path, state, digests)

        with _watched(run, one, own, targets[places], first) as watch:
            return one.run(
                targets[places],
                state=state if first else _saved_state(path),
                save=save,
                progress=bar.shows_batches,
                told=told,
                watch=watch,
            )

    found = find(search, names, targets, run_search)
    if found.stopped_at is not None:
        raise KeyboardInterrupt
    failed = {name: search.diverged_error({name: step}) for name, step in found.diverged.items()}
    return _Batch(search.layer, batch, found.metamers, failed, states)


@contextlib.contextmanager
def _watched(
    run: Run, search: Search, names: list[str], targets: np.ndarray, first: bool
) -> Iterator[Watch | None]:
    """What TensorBoard is told of a search: a folder for each stimulus, and for each further start of one."""
    if run.tensorboard_dir is None:
        yield None
        return
    from model_metamers.synthesis.watching import SearchSummaries

    start = "" if first else f"_seed_{search.config.seed}"
    layer = run.tensorboard_dir / safe_name(run.network.name) / safe_name(search.layer)
    folders = [layer / f"{safe_name(name)}{start}" for name in names]
    with SearchSummaries(folders, run.network, search.layer, search.config, targets) as watch:
        yield watch


def _share(run: Run, starts: int, step: int) -> float:
    """How much of a batch's search is done after some whole starts and steps, if all are needed; 0 to 1."""
    return (starts + step / run.config.iterations) / run.config.starts


def _write(run: Run, batch: _Batch, null: NullDistribution | None) -> list[Made]:
    """Writes the metamers that were found, each once; only then the searches' states are removed."""
    failed = batch.failed
    try:
        for metamer in batch.metamers:
            folder = run.folder.metamer(batch.layer, metamer.stimulus).path
            results.save_once(metamer, folder, run.network, null, computed(run))
        for state in batch.states:
            state.unlink(missing_ok=True)
    except StorageError:
        raise
    except InputError as error:
        failed = dict.fromkeys(batch.names, error)
    folders = {name: run.folder.metamer(batch.layer, name).path for name in batch.names}
    return [
        Made(batch.layer, name, failed[name] if name in failed else read_record(folder))
        for name, folder in folders.items()
    ]


def _saved_state(path: Path) -> SearchState | None:
    """The state to go on from; None where there is none, or one that is damaged, which a line tells."""
    try:
        return read_state(path) if path.exists() else None
    except DamagedFileError as error:
        if path.exists():  # and not removed by another process that came to its end
            _log.info("%s; the search begins again", error)
        return None


def _state_path(run: Run, search: Search, names: list[str]) -> Path:
    """The file of a batch's unfinished search."""
    return searches.state_path(run.folder, search, [array_digest(run.stimuli[name]) for name in names])
