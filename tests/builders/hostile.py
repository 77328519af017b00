"""Requests that nobody's page sends: each must be refused, repeated nowhere, and leave nothing."""

import json
import random
import secrets
from typing import Any

from model_metamers.people.study import StudyFolder

_SQL = (
    "' OR 1=1 --",
    "'; DROP TABLE answer; --",
    '" UNION SELECT code FROM person --',
    "1); DELETE FROM session;",
)
_CODES = ("' OR '1'='1", "{m}\0", "../{m}", "{m} {m}", "<b>{m}</b>", "{m}\n", "é{m}", "%27{m}", "{m}" * 9)
_PLACES = (
    *(
        "/files/../answers.json?{m}",
        "/files/..%2f..%2fetc%2fpasswd%00{m}",
        "/files/{m}",
        "/{m}",
        "/.{m}/../lists.json",
    ),
    *("/files/%2e%2e/%2e%2e/{m}", "//{m}/etc/passwd", "/files//etc/passwd{m}", "/api/{m}", "/study.json?{m}"),
    *(
        "/answers.json",
        "/answers.sqlite",
        "/data/answers.sqlite-wal",
        "/page/../server.py",
        "/files/{m}%0d%0aX: 1",
    ),
    *(
        "/docs",
        "/openapi.json",
        "/redoc",
        "/progress",
        "/files/" + "a" * 5000,
        "/%ff%fe{m}",
        "/api/study/{m}",
    ),
)
_NAN, _INFINITE = float("nan"), float("inf")
_NO_TEXT: tuple[Any, ...] = (True, -1, 1.5, [], {}, 2**63, _NAN, "\0", ["x"])
_NO_NUMBER: tuple[Any, ...] = (True, -1, "0", [], {}, 10**30, _NAN, _INFINITE, "NaN", [[1]])
_WRONG: dict[str, tuple[Any, ...]] = {
    "token": (*_NO_TEXT, None, "", "short", "A" * 33),
    "position": (*_NO_NUMBER, None, 1.5, 2**63),
    "answer": (*_NO_TEXT, "Dog", "dog ", "d" * 200),
    "rt_ms": _NO_NUMBER,
    "events": (True, 1, None, {}, "blur", [1], [["blur"]], ["Blur"], ["blur"] * 300),
    "code": (*_NO_TEXT, None, "", "c" * 65),
    "source": (*_NO_TEXT, None, "Code"),
    "simulated": (0, 1, "true", None, [], {}),
    "comments": (*_NO_TEXT, "c" * 4001),
}


class Requests:
    """Draws requests; each has a marker in it, which no reply may hold."""

    def __init__(self, session: dict[str, Any], truths: dict[str, str], study: StudyFolder, seed: int):
        self._random = random.Random(seed)
        self._session, self._truths, self._study = session, truths, study
        self._kinds = (
            *(
                self._no_json,
                self._wrong_type,
                self._extra,
                self._sql,
                self._anothers_token,
                self._changed_replay,
            ),
            *(self._out_of_order, self._place, self._method, self._too_long, self._no_http, self._bad_code),
        )

    def __call__(self) -> tuple[str, bytes, bytes]:
        """The kind of a request, its bytes, and its marker."""
        marker = f"zq{self._random.getrandbits(48):012x}"
        kind = self._random.choice(self._kinds)
        return kind.__name__, kind(marker), marker.encode()

    def _answer(self, **change: Any) -> dict[str, Any]:
        trial = self._session["trials"][4]
        good = {"token": self._session["token"], "position": 4, "answer": self._truths[trial["file"]]}
        return {**good, "rt_ms": 700.0, "events": [], **change}

    def _no_json(self, marker: str) -> bytes:
        good = json.dumps(self._answer())
        bodies = (
            *(
                "",
                "{",
                marker,
                f'"{marker}',
                "[" * 9000,
                '{"a":' * 2500,
                good[:-1],
                good + marker,
                f"[{good}]",
            ),
            *(good.replace("700.0", text) for text in ("NaN", "Infinity", "1e999", "-0x1", "07", "1_0")),
            *(good.replace(": 4", ": 4e400"), good.replace('"position"', '"\\ud800"'), f"\ufeff{good}"),
            *(good.encode("utf-16").decode("latin-1"), "null", "1", f'{{"{marker}": 1}}'),
        )
        what = self._random.choice(("session", "answer", "finish", "withdraw"))
        return _post(what, self._random.choice(bodies).encode("utf-8", "surrogatepass"))

    def _wrong_type(self, marker: str) -> bytes:
        what, body = self._random.choice(
            (
                ("answer", self._answer()),
                ("session", {"code": marker, "source": "code", "simulated": False}),
                ("finish", {"token": self._session["token"], "comments": marker}),
                ("withdraw", {"token": self._session["token"]}),
            )
        )
        key = self._random.choice(list(body))
        return _post(what, json.dumps({**body, key: self._random.choice(_WRONG[key])}).encode())

    def _extra(self, marker: str) -> bytes:
        what, body = self._random.choice(
            (("answer", self._answer()), ("withdraw", {"token": self._session["token"]}))
        )
        return _post(
            what,
            json.dumps({**body, self._random.choice((marker, "correct", "list", "__class__")): 1}).encode(),
        )

    def _sql(self, marker: str) -> bytes:
        text = self._random.choice(_SQL) + marker
        key = self._random.choice(("token", "answer", "events", "position"))
        return _post(
            "answer", json.dumps(self._answer(**{key: [text] if key == "events" else text})).encode()
        )

    def _anothers_token(self, marker: str) -> bytes:
        token = self._random.choice((secrets.token_urlsafe(24), "A" * 32, self._session["token"].swapcase()))
        what, body = self._random.choice(
            (
                ("answer", self._answer(token=token)),
                ("withdraw", {"token": token}),
                ("finish", {"token": token}),
            )
        )
        return _post(what, json.dumps(body).encode())

    def _changed_replay(self, marker: str) -> bytes:
        position = self._random.randrange(4)
        truth = self._truths[self._session["trials"][position]["file"]]
        others = [choice for choice in set(self._truths.values()) if choice != truth]
        changes: tuple[dict[str, Any], ...] = (
            *(
                {"answer": self._random.choice(others)},
                {"answer": None},
                {"rt_ms": self._random.uniform(0, 9e3)},
            ),
            *({"events": ["blur"]}, {"frame_ms": 16.7}),
        )
        good = {"answer": truth, "rt_ms": None}
        body = self._answer(**{**good, "position": position, **self._random.choice(changes)})
        return _post("answer", json.dumps(body).encode())

    def _out_of_order(self, marker: str) -> bytes:
        body = self._answer(position=self._random.choice((5, 6, 11, 12, 1000, 10**6)))
        finish = {"token": self._session["token"], "comments": marker}
        what, sent = self._random.choice((("answer", body), ("finish", finish)))
        return _post(what, json.dumps(sent).encode())

    def _place(self, marker: str) -> bytes:
        return _request("GET", self._random.choice(_PLACES).replace("{m}", marker))

    def _method(self, marker: str) -> bytes:
        method = self._random.choice(("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "GET", marker.upper()))
        return _request(method, self._random.choice(("/api/answer", "/api/session", "/api/withdraw")))

    def _too_long(self, marker: str) -> bytes:
        body = self._answer(answer=marker * self._random.randrange(1200, 3000))
        if self._random.random() < 0.5:
            return _post("answer", json.dumps(body).encode())
        content = json.dumps(body).encode()
        parts = b"".join(
            b"%x\r\n%s\r\n" % (len(content[i : i + 4096]), content[i : i + 4096])
            for i in range(0, len(content), 4096)
        )
        return (
            b"POST /api/answer HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
            + parts
            + b"0\r\n\r\n"
        )

    def _no_http(self, marker: str) -> bytes:
        lines = (
            *(
                f"{marker}\r\n\r\n",
                f"GET / HTTP/1.1\r\nHost: a\r\n{marker}\r\n\r\n",
                "GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
            ),
            *(
                f"GET /\x80{marker} HTTP/1.1\r\nHost: a\r\n\r\n",
                f"POST /api/answer HTTP/1.1\r\nHost: a\r\nContent-Length: {marker}\r\n\r\n",
            ),
            *("GET / HTTP/1.1\r\n\r\n", "POST /api/answer HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"),
            f"POST /api/answer HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n{marker}",
        )
        return self._random.choice(lines).encode("latin-1")

    def _bad_code(self, marker: str) -> bytes:
        body = {
            "code": self._random.choice(_CODES).replace("{m}", marker),
            "source": "code",
            "simulated": False,
        }
        allowed = {**body, "code": "S1", "simulated": True}  # not without --allow_simulated
        taken = {"code": marker, "source": self._random.choice(("", "elsewhere", "PROLIFIC", marker))}
        return _post("session", json.dumps(self._random.choice((body, allowed, taken))).encode())


def _post(what: str, body: bytes) -> bytes:
    return _request("POST", f"/api/{what}", body)


def _request(method: str, path: str, body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: here\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode("latin-1") + body
