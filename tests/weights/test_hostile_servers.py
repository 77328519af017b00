"""Servers that drip, never end, lead in circles or send headers of no sense: told in one line, soon."""

import itertools
import shutil
import socket
import threading
import time
from collections import namedtuple

import pytest

from model_metamers import InputError
from model_metamers.weights import http_answer, transfer
from tests.builders.local_server import CONTENT, PROXIES

OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def serve(monkeypatch):
    """A function that answers every request with some parts of bytes, one after the other; its URL."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(transfer, "_ATTEMPTS", 3)
    made = []

    def answer(connection: socket.socket, parts, pause_s: float) -> None:
        with connection:
            connection.recv(1 << 16)
            try:
                for part in parts:
                    connection.sendall(part)
                    time.sleep(pause_s)
            except OSError:  # the client has gone
                pass

    def start(make_parts, pause_s: float = 0.0) -> str:
        server = socket.create_server(("127.0.0.1", 0))
        made.append(server)

        def accept() -> None:
            try:
                while True:
                    connection, _ = server.accept()
                    about = (connection, make_parts(), pause_s)
                    threading.Thread(target=answer, args=about, daemon=True).start()
            except OSError:  # closed below
                pass

        threading.Thread(target=accept, daemon=True).start()
        return f"http://127.0.0.1:{server.getsockname()[1]}/model.ckpt"

    yield start
    for server in made:
        server.close()


def refuse(url: str, folder, match: str, size: int | None = None) -> None:
    start = time.perf_counter()
    with pytest.raises(InputError, match=match) as caught:
        transfer.transfer(url, folder / "m", size, progress=False, pause_s=0.01)
    assert time.perf_counter() - start < 10 and str(caught.value).isprintable()
    assert not (folder / "m").exists()


def test_a_body_that_drips_is_given_up_though_it_never_stops(tmp_path, serve, monkeypatch):
    monkeypatch.setattr(transfer, "_WINDOW_S", 0.3)
    url = serve(
        lambda: itertools.chain([OK + b"Content-Length: 100000\r\n\r\n"], itertools.repeat(b"x")), 0.02
    )
    refuse(url, tmp_path, r"breaks again and again \(\d+ bytes in 0 s\)")


def test_headers_that_drip_are_given_up(tmp_path, serve, monkeypatch):
    monkeypatch.setattr(http_answer, "_ANSWER_S", 0.2)
    refuse(
        serve(lambda: itertools.chain([OK], itertools.repeat(b"X")), 0.02), tmp_path, "no answer within 0.2 s"
    )


def test_a_body_without_end_stops_at_the_size_that_is_known(tmp_path, serve):
    url = serve(lambda: itertools.chain([OK + b"\r\n"], itertools.repeat(bytes(1 << 16))))
    refuse(url, tmp_path, "more bytes come than announced", size=len(CONTENT))
    assert not list(tmp_path.iterdir())


def test_a_body_without_end_stops_before_the_disk_is_full(tmp_path, serve, monkeypatch):
    monkeypatch.setattr(transfer, "_CHECKED_BYTES", 1 << 20)
    usage = namedtuple("usage", "free")
    left = iter([10**9, 10**9, 10**8])
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(next(left)))
    url = serve(lambda: itertools.chain([OK + b"\r\n"], itertools.repeat(bytes(1 << 16))))
    refuse(url, tmp_path, "the disk has 0 free beside .*make room, and the same command continues")


@pytest.mark.parametrize("place", [b"/again", b"model.ckpt", b"//127.0.0.1:1/x"])
def test_redirections_without_end_are_given_up(tmp_path, serve, place):
    head = b"HTTP/1.1 302 Found\r\nLocation: " + place + b"\r\n\r\n"
    url = serve(lambda: itertools.chain([head], itertools.repeat(bytes(1 << 16))))  # and a body without end
    refuse(url, tmp_path, "leads elsewhere again and again|no connection")


@pytest.mark.parametrize(
    "place", [b"file:///etc/passwd", b"ftp://x/y", b"http://[", b"http://\xff\xfe/", b""]
)
def test_redirections_to_what_is_no_server_are_refused(tmp_path, serve, place):
    head = b"HTTP/1.1 301 Moved\r\nLocation: " + place + b"\r\nContent-Length: 0\r\n\r\n"
    refuse(serve(lambda: [head]), tmp_path, r"no http\(s\) URL|no connection|answers 301|again and again")


NONSENSE = ("²", "-5", "9" * 30, "9" * 5000, "abc", "1e9", "0x10", "", "5, 6", "٣", "\x1b[31m")


@pytest.mark.parametrize("length", NONSENSE)
def test_lengths_that_are_no_numbers_end_in_one_line_or_a_whole_file(tmp_path, serve, length):
    head = OK + b"Content-Length: " + length.encode("latin-1", "replace") + b"\r\nConnection: close\r\n\r\n"
    try:
        transfer.transfer(serve(lambda: [head, b"content"]), tmp_path / "m", 7, progress=False, pause_s=0.01)
        assert (tmp_path / "m").read_bytes() == b"content"
    except InputError as error:
        assert str(error).isprintable()


@pytest.mark.parametrize("value", ["bytes ²-5/9", "bytes 0-1/99", "x", "bytes 3-5/*", "bytes */²", "-1"])
@pytest.mark.parametrize("status", [b"206 Partial", b"416 Range"])
def test_ranges_that_make_no_sense_end_in_one_line(tmp_path, serve, status, value):
    head = b"HTTP/1.1 " + status + b"\r\nContent-Range: " + value.encode("latin-1") + b"\r\n\r\n"
    refuse(serve(lambda: [head, b"abc"]), tmp_path, "again and again")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 404 \x1b[31mNot\x07\r\n\r\n",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 999999 x\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc",
        b"",
    ],
)
def test_answers_that_make_no_sense_end_in_one_printable_line(tmp_path, serve, answer):
    refuse(serve(lambda: [answer]), tmp_path, "the server answers|no connection")


def test_what_is_kept_of_a_download_may_be_anything(tmp_path, serve):
    head = OK + b"Content-Length: 7\r\n\r\n"
    for number, note in enumerate((b"[]", b"{", b'{"url": 3}', b"\xff", b"[" * 10**6)):
        (tmp_path / f"{number}.part.json").write_bytes(note)
        (tmp_path / f"{number}.part").write_bytes(b"abc")
        url = serve(lambda: [head, b"content"])
        transfer.transfer(url, tmp_path / str(number), 7, progress=False)
        assert (tmp_path / str(number)).read_bytes() == b"content"
