"""Answers that come at the same moment are stored together: a disk takes milliseconds for each flush."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from model_metamers.people.store import Store

_T = TypeVar("_T")


class Together:
    """Runs what changes a database, many actions in one transaction; used by one event loop."""

    def __init__(self, store: Store):
        self._store = store
        self._waiting: list[tuple[Callable, asyncio.Future]] = []

    async def run(self, action: Callable[[], _T]) -> _T:
        """What an action returns or raises, once what it changed is on the disk.

        An action that raises changes nothing, and the others of its moment are not touched.

        Raises:
          sqlite3.Error: of all actions of the moment, none of which may be taken for stored.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_T] = loop.create_future()
        self._waiting.append((action, future))
        if len(self._waiting) == 1:
            loop.call_soon(self._run_all)
        return await future

    def _run_all(self) -> None:
        waiting, self._waiting = self._waiting, []
        ended: list[tuple[asyncio.Future, object, Exception | None]] = []
        try:
            with self._store.writing():
                for action, future in waiting:
                    try:
                        ended.append((future, action(), None))
                    except Exception as error:
                        ended.append((future, None, error))
        except Exception as error:
            ended = [(future, None, error) for _, future in waiting]
        for future, value, failure in ended:
            if future.cancelled():
                continue
            if failure is None:
                future.set_result(value)
            else:
                future.set_exception(failure)
