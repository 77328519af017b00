"""What a server answers, however slowly or wherever it leads."""

from __future__ import annotations

import http.client
import queue
import threading
from collections.abc import Iterator
from typing import Any

import requests
import urllib3

from model_metamers.errors import InputError
from model_metamers.storage.reading import one_line

_TIMEOUT_S = (20, 60)  # to connect; between two blocks
_ANSWER_S = 120  # until the headers are there
_MOST_REDIRECTS = 10


class Interrupted(Exception):
    """The connection broke, or the server is busy or slow: worth another attempt."""


BROKEN = (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException)


def answer(url: str, headers: dict[str, str]) -> requests.Response:
    """The answer at the end of redirections, its body not yet read.

    Raises:
      InputError: redirections without end, or to what is no http(s) URL.
      Interrupted: no answer in time.
      requests.RequestException and others of `BROKEN`: no connection.
    """
    for _ in range(_MOST_REDIRECTS):
        response = _get(url, headers)
        if not response.is_redirect:
            return response
        response.close()  # unread: the body of a redirection may be endless
        url = requests.compat.urljoin(response.url, response.headers["Location"])
        if not url.startswith(("http://", "https://")):
            raise InputError(
                f"{one_line(url)}: the server leads to what is no http(s) URL; give a mirror's URL"
            )
    raise InputError(f"{one_line(url)}: the server leads elsewhere again and again; give a mirror's URL")


class _Session(requests.Session):
    """Follows no redirection: even where it is told not to, requests reads the whole body of one."""

    def resolve_redirects(self, *about: Any, **options: Any) -> Iterator[Any]:  # type: ignore[override]
        return iter(())


def _get(url: str, headers: dict[str, str]) -> requests.Response:
    """One answer, its headers there; a server may send those a byte a minute, which no timeout notices."""
    came: queue.Queue[requests.Response | BaseException] = queue.Queue()

    def ask() -> None:
        try:
            with _Session() as session:
                came.put(session.get(url, headers=headers, stream=True, timeout=_TIMEOUT_S))
        except BaseException as error:  # raised again below
            came.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = came.get(timeout=_ANSWER_S)
    except queue.Empty:
        raise Interrupted(f"no answer within {_ANSWER_S} s") from None
    if isinstance(answer, BaseException):
        raise answer
    return answer
