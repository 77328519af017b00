"""The search of one batch of a run: from where it was saved, to the metamers that were found."""

from __future__ import annotations

import concurrent.futures
import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from model_metamers.errors import DamagedFileError, InputError, StorageError
from model_metamers.runs import searches
from model_metamers.runs.folder import safe_name
from model_metamers.runs.run import Made, Run
from model_metamers.storage.digests import array_digest
from model_metamers.storage.whole import make_folder, was_set_aside
from model_metamers.synthesis.metamer import Metamer
from model_metamers.synthesis.state import SearchState, read_state, write_state

if TYPE_CHECKING:
    from model_metamers.synthesis.search import Search
    from model_metamers.synthesis.watching import Watch

_log = logging.getLogger(__name__)


class FoundBatch(NamedTuple):
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


class SearchBar(Protocol):
    """What is told how far the search of a batch is; see `RunBar`."""

    shows_batches: bool

    def begin(self, size: int, searched: int, finished: float) -> None: ...

    def told(self, finished: float) -> None: ...


def search_for(
    run: Run,
    search: Search,
    batch: list[str],
    bar: SearchBar,
    written: concurrent.futures.Future[list[Made]] | None,
) -> FoundBatch:
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
        return FoundBatch(search.layer, batch, [], {})
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
        return FoundBatch(search.layer, batch, [], dict.fromkeys(batch, error))


def _searched(
    run: Run,
    search: Search,
    batch: list[str],
    names: list[str],
    state: SearchState | None,
    bar: SearchBar,
    written: concurrent.futures.Future[list[Made]] | None,
) -> FoundBatch:
    """What was found for those stimuli of a batch that are searched for; see `search_for`.

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
    return FoundBatch(search.layer, batch, found.metamers, failed, states)


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
