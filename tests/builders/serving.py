"""A server of a small study: in this process, or as a program that can be killed."""

import asyncio
import contextlib
import dataclasses
import datetime
import json
import os
import subprocess
import sys
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from model_metamers.people import loaded_study, page_files, store
from model_metamers.people.server import make_app
from model_metamers.people.study import StudyFolder
from model_metamers.people.taking_part import Desk, Rules

START = datetime.datetime(2026, 1, 5, 9, 0, tzinfo=datetime.timezone.utc)


class Clock:
    """A time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime.datetime:
        return self.now

    def pass_hours(self, hours: float) -> None:
        self.now += datetime.timedelta(hours=hours)


@dataclasses.dataclass(frozen=True)
class Reply:
    """What a server sent."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()

    def json(self) -> Any:
        return json.loads(self.content)


class Client:
    """Sends requests to an application in this process, as uvicorn would hand them to it."""

    def __init__(self, app):
        self._app = app

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Reply:
        return self.send("GET", path, (), headers or {})

    def post(self, path: str, content: bytes | Iterable[bytes] = b"", json_value: Any = None) -> Reply:
        if json_value is not None:
            content = json.dumps(json_value).encode()
        if isinstance(content, bytes):
            return self.send("POST", path, [content], {"content-length": str(len(content))})
        return self.send("POST", path, content, {})

    def send(self, method: str, path: str, parts: Iterable[bytes], headers: Mapping[str, str]) -> Reply:
        """One request; of a path that is quoted."""
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": urllib.parse.unquote(path),
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [(key.lower().encode(), value.encode()) for key, value in headers.items()],
        }
        bodies = iter([*parts, None])
        sent: list[dict] = []

        async def receive():
            part = next(bodies, None)
            return {"type": "http.request", "body": part or b"", "more_body": part is not None}

        async def send(message):
            sent.append(message)

        with contextlib.suppress(RuntimeError):  # a defect is told of, and raised on for the log
            asyncio.run(self._app(scope, receive, send))
        named = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
        return Reply(sent[0]["status"], named, b"".join(message.get("body", b"") for message in sent[1:]))


class Browser:
    """What a page sends."""

    def __init__(self, client: Client):
        self.client = client

    def post(self, what: str, **body: Any):
        return self.client.post(f"/api/{what}", json_value=body)

    def enter(self, code: str = "P01", simulated: bool = False) -> dict[str, Any]:
        reply = self.post("session", code=code, source="code", simulated=simulated)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def answer(self, token: str, position: int, answer: str | None, **more: Any):
        given = {"rt_ms": 640.5, "fixation_ms": 300.0, "image_ms": 200.1, "mask_ms": 199.9, "frame_ms": 16.7}
        sent = {**given, "events": [], **more}
        return self.post("answer", token=token, position=position, answer=answer, **sent)

    def answer_all(self, session: dict[str, Any], answers: list[str]) -> list[dict[str, Any]]:
        """Answers the rest of a list; the replies."""
        replies = []
        for position in range(session["position"], len(answers)):
            reply = self.answer(session["token"], position, answers[position])
            assert reply.status_code == 200, reply.text
            replies.append(reply.json())
        return replies


@contextlib.contextmanager
def desk(place: StudyFolder, data: Path, **rules: Any) -> Iterator[Desk]:
    """Where people take part in a study."""
    loaded = loaded_study.load(place.path)
    hours = rules.pop("resume_within_hours", 24.0)
    with store.writable(data, loaded.digest) as answers:
        yield Desk(loaded, answers, Rules(datetime.timedelta(hours=hours), **rules))


@contextlib.contextmanager
def browser(
    place: StudyFolder, data: Path, page: Path, clock: Clock, password: str | None = None, **rules: Any
) -> Iterator[Browser]:
    """A browser at a server in this process."""
    with desk(place, data, **rules) as at:
        yield Browser(Client(make_app(at, page_files.read_page(page), password, clock)))


def start(place: StudyFolder, data: Path, page: Path, *flags: str, port: int = 0) -> subprocess.Popen:
    """The program, once it serves; `url_of` tells where."""
    command = [sys.executable, "-m", "model_metamers_experiments.serve_human_experiment"]
    given = [f"--study={place.path}", f"--data={data}", f"--page={page}", f"--port={port}", *flags]
    process = subprocess.Popen(
        [*command, *given], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    assert process.stdout is not None and process.stderr is not None
    line = process.stdout.readline()
    if not line.startswith("Serving "):
        raise AssertionError(process.stderr.read())
    process.url = line.split()[-1].rstrip("/")  # type: ignore[attr-defined]
    return process


@contextlib.contextmanager
def running(place: StudyFolder, data: Path, page: Path, *flags: str) -> Iterator[str]:
    """The address of the program while it serves; it is told to stop at the end."""
    process = start(place, data, page, *flags)
    try:
        yield process.url  # type: ignore[attr-defined]
    finally:
        process.terminate()
        process.communicate()
