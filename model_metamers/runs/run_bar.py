"""One progress bar for all metamers of some runs, with the time left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tqdm.auto import tqdm

from model_metamers.execution.lines import as_bar_or_lines, is_watched
from model_metamers.runs.batches import batches

if TYPE_CHECKING:
    from model_metamers.runs.run import Run

_BAR = "{desc}: {percentage:3.0f}%|{bar}| {n:.1f} of {total} [{elapsed}<{remaining}]"
# Where nobody watches, as in a log, a line now and then.
_LINE = "{desc}: {n:.1f} of {total}, {elapsed} gone, {remaining} left"


class RunBar:
    """Counts metamers; one that is searched for counts by the share of its iterations that are finished.

    On a terminal a bar; elsewhere, lines.

    Args:
      runs: whose metamers are made.
      progress: whether to show anything.
      watch: called whenever something is counted.

    Attributes:
      shows_batches: whether there is room below for a bar of each batch.
    """

    def __init__(self, runs: Sequence[Run], progress: bool, watch: Callable[[], None] | None = None):
        total = sum(len(names) for run in runs for _, names in batches(run))
        self.shows_batches = progress and is_watched()
        how = as_bar_or_lines(_BAR, _LINE)
        # Without smoothing the time left is by the mean rate; layers take long and short turns.
        self._bar = tqdm(total=total, desc="metamers", disable=not progress, smoothing=0, **how)
        self._before, self._size, self._searched = 0.0, 0, 0
        self._watch = watch

    def __enter__(self) -> RunBar:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def begin(self, size: int, searched: int, finished: float) -> None:
        """A batch begins.

        Args:
          size: number of its metamers.
          searched: of them, those that are not there yet.
          finished: share of their iterations that an earlier run did, 0 to 1.
        """
        self._size, self._searched = size, searched
        if not self._bar.disable:  # what was there tells nothing of the time that the rest takes
            self._bar.initial += size - searched + searched * finished
        self._to(size - searched + searched * finished)

    def told(self, finished: float) -> None:
        """So large a share of the batch's iterations is finished."""
        self._to(self._size - self._searched + self._searched * finished)

    def end(self) -> None:
        """The batch is over."""
        self._to(self._size)
        self._before += self._size

    def _to(self, of_batch: float) -> None:
        self._bar.update(self._before + of_batch - self._bar.n)
        if self._watch:
            self._watch()
