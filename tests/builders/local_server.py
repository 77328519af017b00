"""A server on this machine that misbehaves as servers do."""

import contextlib
import hashlib
import http.server
import io
import re
import socket
import tarfile
import threading
from collections.abc import Iterator

import numpy as np

CONTENT = np.random.RandomState(0).bytes(3_000_000)
PROXIES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Serves `files`; the other attributes say how badly.

    Attributes:
      files: content by path.
      cuts: bytes of an answer after which the connection breaks, one an answer.
      ranges, etags, lengths: whether Range, ETag and Content-Length are supported.
      busy: how many answers are status 503.
      requests: (path, Range header) of every request.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.cuts, self.requests = {}, [], []
        self.ranges, self.etags, self.lengths, self.busy = True, True, True, 0

    def url(self, path):
        return f"http://127.0.0.1:{self.server_port}/{path}"

    def handle_error(self, request, client_address):
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        wanted = self.headers.get("Range", "")
        server.requests.append((self.path[1:], wanted))
        if server.busy:
            server.busy -= 1
            return self.send_error(503)
        if self.path[1:] not in server.files:
            return self.send_error(404)
        data = server.files[self.path[1:]]
        etag = f'"{hashlib.md5(data).hexdigest()}"'
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and server.ranges else 0
        if server.etags and self.headers.get("If-Range", etag) != etag:
            start = 0
        if start and start >= len(data):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(data)}")
            self.send_header("Content-Length", "0")
            return self.end_headers()
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if server.lengths:
            self.send_header("Content-Length", str(len(data) - start))
        if server.etags:
            self.send_header("ETag", etag)
        self.end_headers()
        body = data[start:]
        if server.cuts:
            self.wfile.write(body[: server.cuts.pop(0)])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            return self.connection.close()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@contextlib.contextmanager
def running_server(monkeypatch) -> Iterator[Server]:
    """A running server with `model.ckpt`; no proxy stands between."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
    with Server() as server:
        server.files["model.ckpt"] = CONTENT
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


def archive(**members) -> bytes:
    """A .tar.gz of files: name -> bytes, or a TarInfo with what is odd about it."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, value in members.items():
            if isinstance(value, tarfile.TarInfo):
                tar.addfile(value)
            else:
                member = tarfile.TarInfo(name)
                member.size = len(value)
                tar.addfile(member, io.BytesIO(value))
    return file.getvalue()
