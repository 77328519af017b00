"""One bar for all units of a run: how many are done, of which failed, and the time left."""

from __future__ import annotations

from collections.abc import Iterable

from tqdm.auto import tqdm

from model_metamers.execution.lines import as_bar_or_lines
from model_metamers.execution.units import Unit

_BAR = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt} of {total_fmt} steps [{elapsed}<{remaining}]"
_LINE = "{desc}: {n_fmt} of {total_fmt} steps, {elapsed} gone, {remaining} left"


class UnitBar:
    """Counts units, and their steps, by whose rate the time left is told; on a terminal a bar, else lines.

    Args:
      units: of the run, also those that are done.
      progress: whether to show anything.
    """

    def __init__(self, units: Iterable[Unit], progress: bool):
        steps = [unit.steps for unit in units]
        self._all, self._done, self._failed = len(steps), 0, 0
        self._bar = tqdm(
            total=sum(steps),
            desc=f"0 of {self._all} units",
            disable=not progress,
            smoothing=0,
            miniters=0,
            unit_scale=True,
            **as_bar_or_lines(_BAR, _LINE),
        )

    def __enter__(self) -> UnitBar:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def found(self, units: Iterable[Unit]) -> None:
        """Units that were done before, which tell nothing of the time that the rest takes."""
        steps = [unit.steps for unit in units]
        self._done += len(steps)
        if not self._bar.disable:
            self._bar.initial += sum(steps)
        self._move(sum(steps))

    def done(self, unit: Unit) -> None:
        """A unit was done."""
        self._done += 1
        self._move(unit.steps)

    def failed(self, unit: Unit) -> None:
        """A unit failed on every try."""
        self._failed += 1
        self._move(unit.steps)

    def tick(self) -> None:
        """Time has gone by."""
        self._bar.update(0)

    def _move(self, steps: int) -> None:
        self._describe()
        self._bar.update(steps)

    def _describe(self) -> None:
        lost = f", {self._failed} failed" if self._failed else ""
        self._bar.set_description_str(f"{self._done} of {self._all} units{lost}", refresh=False)
