"""The metamers of a run, batch by batch: one is written while the next is searched for."""

from __future__ import annotations

import concurrent.futures
import contextlib
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

from model_metamers.criteria.null import NullDistribution
from model_metamers.errors import InputError, StorageError
from model_metamers.execution import stopping
from model_metamers.runs import results, searches
from model_metamers.runs.batch_search import FoundBatch, search_for
from model_metamers.runs.batches import WHOLE, batches
from model_metamers.runs.mending import judge_anew, mend
from model_metamers.runs.record import read_record
from model_metamers.runs.run import Made, Run, computed
from model_metamers.runs.run_bar import RunBar

if TYPE_CHECKING:
    from model_metamers.synthesis.search import Search


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
            found = search_for(run, search, batch, shown, written)
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
    return _write(run, search_for(run, search, names, _Unseen(), None), null)


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


def _write(run: Run, batch: FoundBatch, null: NullDistribution | None) -> list[Made]:
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
