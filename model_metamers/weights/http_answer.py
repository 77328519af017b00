"""What a server answers, however slowly or wherever it leads."""

from __future__ import annotations

import http.client
import queue
import threading

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


def _get(url: str, headers: dict[str, str]) -> requests.Response:
    """One answer, its headers there; a server may send those a byte a minute, which no timeout notices."""
    came: queue.Queue[requests.Response | BaseException] = queue.Queue()

    def ask() -> None:
        try:
            options = {"stream": True, "timeout": _TIMEOUT_S, "allow_redirects": False}
            came.put(requests.get(url, headers=headers, **options))  # type: ignore[arg-type]
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
