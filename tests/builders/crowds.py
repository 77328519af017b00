"""Many people at one server, over its sockets: how long they wait, and what is left when it is killed.

    python -m tests.builders.crowds pace back_to_back kills hostile

prints the figures at full size (the first takes eight minutes).
"""

import asyncio
import contextlib
import json
import random
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from model_metamers.people import store
from model_metamers.people.study import StudyFolder
from tests.builders import hostile, serving, studies


class Connection:
    """One browser's connection; made anew, and what was sent is sent again, when the server was gone."""

    def __init__(self, url: str):
        place = urllib.parse.urlsplit(url)
        self._place = place.hostname, place.port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.repeated = 0

    async def post(self, what: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        content = json.dumps(body).encode()
        head = f"POST /api/{what} HTTP/1.1\r\nHost: here\r\nContent-Length: {len(content)}\r\n\r\n".encode()
        for _ in range(600):
            try:
                status, reply = await self.send(head + content)
                return status, json.loads(reply)
            except (OSError, EOFError):
                self.close()
                self.repeated += 1
                await asyncio.sleep(0.1)
        raise TimeoutError(what)

    async def send(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the reply to whatever is sent."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._place)
        reader, writer = self._streams
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length:")[2].split("\r\n")[0] or 0)
        body = await reader.readexactly(length)
        if "connection: close" in head:
            self.close()
        return int(head.split()[1]), body

    def close(self) -> None:
        if self._streams:
            self._streams[1].close()
        self._streams = None


async def one_session(
    url: str, code: str, truths: dict[str, str], pause: Callable[[], float], waited: list[float]
) -> dict[str, Any]:
    """A person who answers everything rightly; what was acknowledged, and how often they had to repeat."""
    at = Connection(url)
    status, session = await at.post("session", {"code": code, "source": "code"})
    assert status == 200, session
    acknowledged = {}
    for trial in session["trials"][session["position"] :]:
        await asyncio.sleep(pause())
        given = {"position": trial["position"], "answer": truths[trial["file"]], "rt_ms": 700.5, "events": []}
        start = time.perf_counter()
        status, reply = await at.post("answer", {"token": session["token"], **given})
        waited.append(time.perf_counter() - start)
        assert status == 200 and reply["position"] == trial["position"] + 1, reply
        acknowledged[trial["position"]] = given["answer"]
    status, _ = await at.post("finish", {"token": session["token"], "comments": None})
    assert status == 200
    at.close()
    return {"code": code, "token": session["token"], "acknowledged": acknowledged, "repeated": at.repeated}


def make(folder: Path, answers: int, lists: int = 16) -> tuple[StudyFolder, Path, dict[str, str]]:
    """A study of 23 conditions with main trials only, a page, and the truths by file."""
    names = ("natural", *(f"network_{number % 3}/layer_{number // 3}" for number in range(22)))
    study = studies.make_study(
        folder / "study", lists=lists, practice=0, demonstration=0, main=answers, catch=0, conditions=names
    )
    truths = {name: shown.truth for name, shown in study.read_answers().items()}
    return study, studies.make_page(folder / "page"), truths


def with_sessions(folder: Path, sessions: int, answers: int, mean_pause_s: float) -> dict[str, float]:
    """How long people wait for an acknowledgement, and how much memory the server takes."""
    study, page, truths = make(folder, answers)
    server = serving.start(study, folder / "data", page)
    waited: list[float] = []

    def pause() -> float:
        return random.uniform(0.5, 1.5) * mean_pause_s

    async def all_of_them() -> None:
        people = (one_session(server.url, f"P{i}", truths, pause, waited) for i in range(sessions))
        await asyncio.gather(*people)

    start = time.perf_counter()
    try:
        asyncio.run(all_of_them())
        took = time.perf_counter() - start
        memory = memory_mb(server.pid)
        loaded = "libtensorflow" in Path(f"/proc/{server.pid}/maps").read_text()
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate()
    stored = rows(folder / "data", "SELECT count(*) FROM answer")[0][0]
    assert stored == len(waited) == sessions * answers
    assert not loaded
    ms = sorted(1000 * seconds for seconds in waited)
    return {
        "answers": len(ms),
        "answers_per_s": len(ms) / took,
        "median_ms": statistics.median(ms),
        "p99_ms": ms[int(0.99 * len(ms))],
        "most_ms": ms[-1],
        "memory_mb": memory,
    }


def with_kills(folder: Path, sessions: int, answers: int, kills: int, mean_pause_s: float) -> dict[str, Any]:
    """People go on while their server is killed and started again; what is left of their answers."""
    study, page, truths = make(folder, answers)
    data = folder / "data"
    first = serving.start(study, data, page)
    port = urllib.parse.urlsplit(first.url).port
    waited: list[float] = []
    killed = 0

    def pause() -> float:
        return random.uniform(0.5, 1.5) * mean_pause_s

    async def killing(everybody: asyncio.Future) -> None:
        nonlocal killed
        server = first
        try:
            while not everybody.done():
                await asyncio.sleep(random.uniform(0.8, 1.6))
                if killed < kills and not everybody.done():
                    server.kill()
                    server.communicate()
                    killed += 1
                    server = await asyncio.to_thread(serving.start, study, data, page, port=port)
        finally:
            server.send_signal(signal.SIGTERM)
            server.communicate()

    async def all_of_them() -> list[dict[str, Any]]:
        people = (one_session(first.url, f"P{i}", truths, pause, waited) for i in range(sessions))
        everybody = asyncio.gather(*people)
        _, done = await asyncio.gather(killing(everybody), everybody)
        return done

    done = asyncio.run(all_of_them())
    there = rows(data, "SELECT token, position, answer FROM answer")
    expected = {(one["token"], at, answer) for one in done for at, answer in one["acknowledged"].items()}
    ended = rows(data, "SELECT ended, count(*) FROM session GROUP BY ended")
    return {
        "kills": killed,
        "acknowledged": len(expected),
        "lost": len(expected - set(there)),
        "stored": len(there),
        "doubled": len(there) - len({(token, at) for token, at, _ in there}),
        "repeated_requests": sum(one["repeated"] for one in done),
        "finished": dict(ended).get("finished", 0),
    }


def with_hostile(folder: Path, requests: int, seed: int = 0) -> dict[str, Any]:
    """What a server says to, and keeps of, requests that it should refuse."""
    study = studies.make_study(folder / "study")
    page = studies.make_page(folder / "page")
    data = folder / "data"
    server = serving.start(study, data, page)
    truths = {name: shown.truth for name, shown in study.read_answers().items()}
    statuses: dict[str, int] = {}

    async def ask() -> None:
        victim = Connection(server.url)
        _, session = await victim.post("session", {"code": "VICTIM", "source": "code"})
        for trial in session["trials"][:4]:
            given = {"position": trial["position"], "answer": truths[trial["file"]], "events": []}
            await victim.post("answer", {"token": session["token"], **given})
        before = everything(data)
        secrets = {"VICTIM", str(folder), *(shown.condition for shown in study.read_answers().values())} - {
            ""
        }
        make_request = hostile.Requests(session, truths, study, seed)
        for _ in range(requests):
            kind, request, marker = make_request()
            at = Connection(server.url)
            try:
                status, body = await asyncio.wait_for(at.send(request), 20)
            except (EOFError, OSError):
                status, body = 0, b""  # the connection was closed: no HTTP at all
            at.close()
            statuses[str(status)] = statuses.get(str(status), 0) + 1
            assert status == 0 or 400 <= status < 500, (kind, status, request[:300], body)
            assert marker not in body, (kind, request[:300], body)
            assert not any(secret.encode() in body for secret in secrets), (kind, body)
        assert everything(data) == before
        status, _ = await victim.post("session", {"code": "VICTIM", "source": "code"})
        assert status == 200
        victim.close()

    try:
        asyncio.run(ask())
    finally:
        server.send_signal(signal.SIGTERM)
        _, told = server.communicate()
    return {
        "requests": requests,
        "statuses": dict(sorted(statuses.items())),
        "lines_of_log": told.count("\n") - 1,
    }


def everything(data: Path) -> list[tuple]:
    """All rows of a database."""
    return [
        row
        for table in ("setting", "person", "session", "answer")
        for row in rows(data, f"SELECT * FROM {table}")
    ]


def rows(data: Path, query: str) -> list[tuple]:
    """What a database holds."""
    with contextlib.closing(sqlite3.connect(data / store.FILE)) as connection:
        return connection.execute(query).fetchall()


def memory_mb(process: int) -> float:
    """The most memory that a process had, in MB."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


FULL: dict[str, Callable[[Path], dict[str, Any]]] = {
    "pace": lambda folder: with_sessions(folder, 50, 230, 2.0),
    "back_to_back": lambda folder: with_sessions(folder, 50, 230, 0.0),
    "kills": lambda folder: with_kills(folder, 30, 60, 10, 0.3),
    "hostile": lambda folder: with_hostile(folder, 10_000),
}

if __name__ == "__main__":
    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as temporary:
            print(name, json.dumps(FULL[name](Path(temporary))), flush=True)
