"""One or several runs from beginning to end, in the right order."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from model_metamers.criteria.null import NullDistribution
from model_metamers.errors import InputError
from model_metamers.runs.batches import WHOLE, hold_whole
from model_metamers.runs.live_page import LivePage
from model_metamers.runs.making import make
from model_metamers.runs.run import Made, Run, check, claim, measure_null, null_digest
from model_metamers.runs.run_bar import RunBar
from model_metamers.runs.search_batches import Elsewhere, make_elsewhere
from model_metamers.storage.locks import hold
from model_metamers.storage.writing import write_lines


@dataclasses.dataclass(frozen=True)
class Page:
    """What a report says beside the results.

    Attributes:
      title: of the page.
      command: that repeats the run.
      single_file: whether to write it a second time with all pictures and sounds inside.
    """

    title: str
    command: str
    single_file: bool = False


@dataclasses.dataclass(frozen=True)
class Executed:
    """What came of runs.

    Attributes:
      by_run: what became of the metamers of each run, in order.
      nulls: of each run; None where there were not two signals to measure one on.
      page: the report; None where none was asked for.
    """

    by_run: list[list[Made]]
    nulls: list[NullDistribution | None]
    page: Path | None

    @property
    def made(self) -> list[Made]:
        """What became of all metamers, in order."""
        return [one for of_run in self.by_run for one in of_run]

    @property
    def complete(self) -> bool:
        """Whether every metamer was made."""
        return not any(isinstance(one.record, InputError) for one in self.made)


def execute(
    runs: Sequence[Run],
    flags: Sequence[str] = (),
    flags_file: Path | None = None,
    page: Page | None = None,
    resume: bool = True,
    progress: bool = True,
    each: Callable[[Run, Made], None] | None = None,
    elsewhere: Elsewhere | None = None,
) -> Executed:
    """Makes all metamers of some runs.

    Every run is checked, and every folder claimed, before anything is computed. Then come the
    null distributions, the searches and the report. Whatever is there already is not made
    again. Runs that share network, layers and signals share the null distribution, which is
    kept with the first of them.

    Shards of a run may be made at once, by any processes. The first measures the null distribution, for
    which the others wait. Made whole afterwards, the run finds their metamers.

    Args:
      runs: at least one; with a page, all in one folder.
      flags: of the command, one a line, which repeat it; none are written where there are none.
      flags_file: to write them to; `flags.txt` of the first run's folder when None.
      page: a report is written where this is given; also while the runs go on, from the first metamers.
      resume: whether folders that hold such runs may be gone on with.
      progress: whether to show bars.
      each: called with every metamer once it is written, which may be while the next are searched for.
      elsewhere: who searches for the metamers of the run, in place of this process.

    Raises:
      InputError: one of the runs cannot be made, or must not be made in its folder.
      InUseError: another process makes one in its folder, or shards of it.
      KeyboardInterrupt: after the state of the stopped search was saved.
    """
    for run in runs:
        check(run)
    with contextlib.ExitStack() as locks:
        with contextlib.ExitStack() as beginning:
            for run in runs:
                _take(run, locks, beginning)
            for run in runs:
                check(run)  # again: another process may have written there until now
                claim(run, resume)
            if flags:
                write_lines(flags_file or runs[0].folder.flags, flags)
            nulls = _nulls(runs, progress)
        by_run: list[list[Made]] = [[] for _ in runs]
        seen = progress and elsewhere is None  # workers have a bar of their own
        look = LivePage(runs, nulls, page).look
        bar = locks.enter_context(RunBar(runs, seen, look))
        for run, null, made in zip(runs, nulls, by_run, strict=True):
            making = (
                make_elsewhere(run, null, elsewhere, look) if elsewhere else make(run, null, progress, bar)
            )
            with contextlib.closing(making) as being_made:
                for one in being_made:
                    made.append(one)
                    if each:
                        each(run, one)
        return Executed(by_run, nulls, _write_page(runs, nulls, page) if page else None)


def _take(run: Run, locks: contextlib.ExitStack, beginning: contextlib.ExitStack) -> None:
    """Holds a run's folder until its end; for a shard, its own part until its end, and all of it meanwhile.

    Raises:
      InUseError: another process makes the run, this shard of it, or any where the run is whole.
    """
    folder = run.folder.path
    if run.shard != WHOLE:
        locks.enter_context(hold(folder, run.shard.lock))
        beginning.enter_context(hold(folder, wait=True))
    else:
        locks.enter_context(hold_whole(folder))


def _nulls(runs: Sequence[Run], progress: bool) -> list[NullDistribution | None]:
    """The null distribution of each run, measured once for those that share it."""
    measured: dict[tuple, NullDistribution | None] = {}
    keys = [
        (run.network.name, run.network.checkpoint_digest, tuple(run.layers), id(run.null), null_digest(run))
        for run in runs
    ]
    for key, run in zip(keys, runs, strict=True):
        if key not in measured:
            measured[key] = measure_null(run, progress)
    return [measured[key] for key in keys]


def _write_page(runs: Sequence[Run], nulls: Sequence[NullDistribution | None], page: Page) -> Path:
    from model_metamers.runs import report

    sections = [report.network_results(run, null) for run, null in zip(runs, nulls, strict=True)]
    path = report.write_report(runs[0].out, sections, page.title, page.command)
    if page.single_file:
        report.write_report(runs[0].out, sections, page.title, page.command, single_file=True)
    return path
