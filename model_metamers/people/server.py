"""The experiment over HTTP: the page, a study's files, and what people answer.

| request | body | reply |
|---|---|---|
| GET /, /page.js, /page.css, /files/NAME | | the page; pictures and sounds |
| GET /api/study | | what everybody may know of the study |
| POST /api/session | `messages.Entry` | token, trials, next position |
| POST /api/answer | `messages.Given` | next position, feedback in practice, the end of a part |
| POST /api/finish | `messages.End` | where to go |
| POST /api/withdraw | `messages.Withdrawal` | nothing is left |
| GET /progress | | how far everybody is, behind a password |

A refusal is {"error": one line}, which never repeats what was sent. No address is logged or stored.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import dataclasses
import datetime
import hmac
import logging
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from model_metamers.people import messages
from model_metamers.people.page_files import INDEX, PageFile, media_type
from model_metamers.people.progress import STYLE, progress_page
from model_metamers.people.taking_part import Desk, Refused
from model_metamers.people.together import Together

_T = TypeVar("_T", bound=msgspec.Struct)
_NOTES = logging.getLogger(__name__)
_JSON = "application/json"
_WRONG_PASSWORD_S = 1.0
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_FRESH, _KEPT = "no-store", "private, max-age=86400, immutable"
_IN_WORDS = {404: "there is no such thing here", 405: "this cannot be asked in this way"}


def make_app(
    desk: Desk,
    page: Mapping[str, PageFile],
    password: str | None = None,
    clock: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.timezone.utc),
) -> FastAPI:
    """The server of one study and its database.

    Args:
      desk: where people take part; used by one thread, that of the event loop.
      page: the page's files by name.
      password: of the page of progress, for any user name; None for no such page.
      clock: the time now.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    _refusals(app)
    together = Together(desk.store)
    public = dataclasses.asdict(desk.loaded.study) | {"simulated_allowed": desk.rules.simulated_allowed}
    study = msgspec.json.encode(public)

    @app.get("/api/study")
    async def _study() -> Response:
        return _reply(study)

    @app.post("/api/session")
    async def _session(request: Request) -> Response:
        entry = await _read(request, messages.Entry)
        return _json(await together.run(lambda: desk.enter(entry, clock())))

    @app.post("/api/answer")
    async def _answer(request: Request) -> Response:
        given = await _read(request, messages.Given)
        return _json(await together.run(lambda: desk.answer(given, clock())))

    @app.post("/api/finish")
    async def _finish(request: Request) -> Response:
        end = await _read(request, messages.End)
        return _json(await together.run(lambda: desk.finish(end, clock())))

    @app.post("/api/withdraw")
    async def _withdraw(request: Request) -> Response:
        withdrawal = await _read(request, messages.Withdrawal)
        return _json(await together.run(lambda: desk.withdraw(withdrawal.token)))

    @app.get("/files/{name}")
    async def _file(name: str) -> Response:
        if name not in desk.loaded.files:
            raise HTTPException(404)
        return _reply((desk.loaded.folder / name).read_bytes(), media_type=media_type(name), kept=_KEPT)

    if password is not None:

        @app.get("/progress")
        async def _progress(request: Request) -> Response:
            if not _is_password(request.headers.get("authorization", ""), password):
                await asyncio.sleep(_WRONG_PASSWORD_S)
                asked = {"WWW-Authenticate": 'Basic realm="progress", charset="UTF-8"'}
                return _error(401, "the password is needed", asked)
            return _reply(progress_page(desk, clock()), media_type="text/html; charset=utf-8")

        @app.get("/progress.css")
        async def _style() -> Response:
            return _reply(STYLE, media_type="text/css; charset=utf-8")

    @app.get("/")
    async def _index() -> Response:
        return _page_file(page, INDEX)

    @app.get("/{name}")
    async def _page(name: str) -> Response:
        return _page_file(page, name)

    return app


def _page_file(page: Mapping[str, PageFile], name: str) -> Response:
    if name not in page:
        raise HTTPException(404)
    return _reply(page[name].content, media_type=page[name].media_type, kept="no-cache")


async def _read(request: Request, kind: type[_T]) -> _T:
    """The body of a request, never more of it than is allowed."""
    declared = request.headers.get("content-length", "0")
    too_long = Refused(413, f"the body is longer than {messages.MOST_BYTES} bytes")
    if not declared.isdecimal() or int(declared[:12]) > messages.MOST_BYTES:
        raise too_long
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > messages.MOST_BYTES:
            raise too_long
    try:
        return messages.read(bytes(body), kind)
    except ValueError as error:  # msgspec's are of this kind
        raise Refused(400, f"the body is no {kind.__name__.lower()} as it is expected here") from error


def _is_password(header: str, password: str) -> bool:
    """Whether a header of basic authentication holds the password."""
    kind, _, encoded = header.partition(" ")
    if kind.lower() != "basic":
        return False
    try:
        given = base64.b64decode(encoded, validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(given, password.encode())


def _refusals(app: FastAPI) -> None:
    """What goes wrong ends in one plain line; FastAPI's own replies repeat the input."""

    @app.exception_handler(Refused)
    async def _refused(_: Request, error: Refused) -> Response:
        return _error(error.status, str(error))

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> Response:
        text = _IN_WORDS.get(error.status_code, "this cannot be done")
        return _error(error.status_code, text, error.headers)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> Response:
        return _error(400, "the request is not as it is expected here")

    @app.exception_handler(sqlite3.Error)
    async def _storage(_: Request, error: sqlite3.Error) -> Response:
        _NOTES.error("an answer could not be stored (%s)", error)
        return _error(503, "this cannot be stored just now; try again")

    @app.exception_handler(Exception)
    async def _defect(_: Request, error: Exception) -> Response:
        return _error(500, "the server failed")


def _json(value: Any) -> Response:
    return _reply(msgspec.json.encode(value))


def _error(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    return _reply(msgspec.json.encode({"error": text}), status, headers=headers)


def _reply(
    content: bytes,
    status: int = 200,
    media_type: str = _JSON,
    kept: str = _FRESH,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Any reply; nothing in it tells one file's condition from another's."""
    sent = {**_HEADERS, "Cache-Control": kept, "Content-Type": media_type, **(headers or {})}
    return Response(content, status, sent)
