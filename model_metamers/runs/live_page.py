"""The page of a run that goes on: written with the first metamers, and again now and then."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from model_metamers.errors import InputError

if TYPE_CHECKING:
    from model_metamers.criteria.null import NullDistribution
    from model_metamers.runs.executed import Page
    from model_metamers.runs.report_cells import Known
    from model_metamers.runs.run import Run

_SECONDS_BETWEEN_PAGES = 60.0
_SECONDS_BETWEEN_LOOKS = 5.0
_MOST_OF_THE_TIME = 0.05  # that writing pages may take


class LivePage:
    """Writes a run's page while it goes on: at most once a minute, and in at most 5 % of the time.

    Args:
      runs: whose metamers it shows.
      nulls: null distribution of each.
      page: title and command; None for no page.
    """

    def __init__(self, runs: Sequence[Run], nulls: Sequence[NullDistribution | None], page: Page | None):
        self._runs, self._nulls, self._page = runs, nulls, page
        self._known: Known = {}
        self._there = 0
        self._next = time.monotonic()

    def look(self) -> None:
        """Writes the page where there are further metamers, and it is time.

        What cannot be shown yet, or not be written, stops no search: the page at the end says so.
        """
        if self._page is None or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _SECONDS_BETWEEN_LOOKS
        there = sum(len(run.folder.metamers(run.layers)) for run in self._runs)
        if there in (0, self._there):
            return
        began = time.monotonic()
        with contextlib.suppress(InputError, OSError):
            self._write(self._page, there)
        took = time.monotonic() - began
        self._there = there
        self._next = began + max(_SECONDS_BETWEEN_PAGES, took / _MOST_OF_THE_TIME)

    def _write(self, page: Page, there: int) -> None:
        from model_metamers.runs import report

        sections = [
            report.network_results(run, null) for run, null in zip(self._runs, self._nulls, strict=True)
        ]
        wanted = sum(len(run.layers) * len(run.stimuli) for run in self._runs)
        told = f"{there} of {wanted} metamers were there at {time.strftime('%H:%M:%S')}"
        report.write_report(self._runs[0].out, sections, page.title, page.command, told, self._known)
