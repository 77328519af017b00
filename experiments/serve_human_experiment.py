"""Serves a study to people's browsers, and stores what they answer (Figures 3b, 3d, 4).

  serve_human_experiment --study=study --data=answers --password_file=password.txt
  serve_human_experiment --study=study --data=answers --host=0.0.0.0 --port=443 \\
      --tls_certificate=site.pem --tls_key=site.key \\
      --completion_url="https://app.prolific.com/submissions/complete?cc=CODE"
  serve_human_experiment --study=study --data=answers --export=export
  serve_human_experiment --study=study --data=answers --delete=CODE
  serve_human_experiment --study=study --data=answers --import=one.jsonl,two.jsonl

The study is a folder of prepare_human_experiment. People open the address that is printed; their
code is PROLIFIC_PID, workerId or code in its query (http://.../?code=P01), and a browser
without one is given one at random. Who comes again with the same code goes on at the next
trial that is not answered. Lists go out evenly; that of a session that was left, with no
answer for --resume_within_hours, or that failed a check, is given to somebody else.

--data is a folder of one study, for its owner alone: `answers.sqlite`, to which one server
writes. Each answer is on the disk before the page is told that it is stored, so that a
server that is killed loses none; the same command goes on. No address of anybody is stored
or logged.

With --password_file there is a page of how far everybody is at /progress (any user name).

--export writes a new folder, also while a server runs: `trials.csv` and `sessions.csv`,
`export.json` (digests of study and plan), `bids/`, and of pictures `model-vs-human/`. It holds
numbers of people, never codes. --delete removes everything of one person from the database,
after the server was stopped; a person may do the same on the page while it runs. What was
exported before is not changed.

--import adds what a static study (prepare_human_experiment --static) gave: the files that people
saved, or the results that JATOS exports. The same file twice changes nothing.

To be seen from elsewhere (--host=0.0.0.0), give --tls_certificate and --tls_key, or put a
proxy with TLS before it. Nothing but this study's files and the page is ever sent.
"""

from __future__ import annotations

import datetime
import socket
from pathlib import Path

from absl import flags

import model_metamers as mm
from model_metamers.storage.reading import read_lines
from model_metamers_experiments import binary

_STUDY = flags.DEFINE_string("study", None, "Folder of prepare_human_experiment.", required=True)
_DATA = flags.DEFINE_string("data", None, "Folder of the database; made where it is missing.", required=True)
_HOST = flags.DEFINE_string("host", "127.0.0.1", "Address to listen at; 0.0.0.0 for all of this machine.")
_PORT = flags.DEFINE_integer("port", 8000, "To listen at; 0 for any that is free.", 0, 65535)
_PASSWORD_FILE = flags.DEFINE_string(
    "password_file",
    None,
    "Text file whose first line is the password of /progress; without it, no such page.",
)
_CERTIFICATE = flags.DEFINE_string("tls_certificate", None, "PEM file; without it, plain HTTP.")
_KEY = flags.DEFINE_string("tls_key", None, "PEM file of the certificate's key.")
_COMPLETION_URL = flags.DEFINE_string(
    "completion_url", None, "Where a page goes after the last answer is stored; without it, it stays."
)
_HOURS = flags.DEFINE_float(
    "resume_within_hours", 24.0, "For how long after the last answer a session keeps its list.", 0.0
)
_SIMULATED = flags.DEFINE_bool("allow_simulated", False, "Let simulate_human_observers take part.")
_PAGE = flags.DEFINE_string("page", None, "Folder of another build of the page.")
_EXPORT = flags.DEFINE_string("export", None, "Write answers to this new folder, and serve nothing.")
_IMPORT = flags.DEFINE_list(
    "import", None, "Add answers that a static study gave as files to --data, and serve nothing."
)
_DELETE = flags.DEFINE_string("delete", None, "Delete the person with this code, and serve nothing.")

_STOPPED = "every answer that was acknowledged is kept, and the same command goes on"
_BACKLOG = 2048
_KEEP_ALIVE_S = 75  # people think for longer than the usual 5 s


def main() -> None:
    if sum(map(bool, (_EXPORT.value, _DELETE.value, _IMPORT.value))) > 1:
        raise mm.InputError("--export, --delete and --import: one at a time")
    if _IMPORT.value:
        _import([Path(name) for name in _IMPORT.value])
    elif _EXPORT.value:
        _export(Path(_EXPORT.value))
    elif _DELETE.value:
        _delete(_DELETE.value)
    else:
        _serve()


def _export(out: Path) -> None:
    from model_metamers.people import loaded_study, store
    from model_metamers.people.export import export

    loaded = loaded_study.load(Path(_STUDY.value))
    with store.readable(Path(_DATA.value), loaded.digest) as answers:
        sessions, rows = export(answers, loaded, out)
    simulated = sum(session.simulated for session in sessions)
    print(f"Written: {out} ({len(sessions)} sessions, {simulated} of them simulated; {len(rows)} answers)")


def _import(paths: list[Path]) -> None:
    from model_metamers.people import loaded_study, static_results, store

    loaded = loaded_study.load(Path(_STUDY.value))
    with store.writable(Path(_DATA.value), loaded.digest) as answers:
        sessions, rows = static_results.take_in(answers, loaded, paths)
    print(f"Taken in: {sessions} sessions, {rows} answers, into {_DATA.value}")


def _delete(code: str) -> None:
    from model_metamers.people import store

    with store.writable(Path(_DATA.value), None) as answers:
        number = answers.number_of_code(code)
        if number is not None:
            answers.delete_person(number)
        if not answers.wipe():
            raise mm.InputError(
                f"--data={_DATA.value}: is being read (an export?); repeat this when it is not"
            )
    if number is None:
        raise mm.InputError(f"--delete: no person with this code in {_DATA.value}; exports hold no codes")
    print(f"Deleted: person {number}, with all answers")


def _serve() -> None:
    from model_metamers.people import loaded_study, page_files, store
    from model_metamers.people.taking_part import Desk, Rules

    password = _password()
    if bool(_CERTIFICATE.value) != bool(_KEY.value):
        raise mm.InputError("--tls_certificate and --tls_key need one another")
    page = page_files.read_page(page_files.page_folder(Path(_PAGE.value) if _PAGE.value else None))
    loaded = loaded_study.load(Path(_STUDY.value))
    within = datetime.timedelta(hours=_HOURS.value)
    rules = Rules(within, _COMPLETION_URL.value, _SIMULATED.value)
    with store.writable(Path(_DATA.value), loaded.digest) as answers, _listening() as listening:
        _run(Desk(loaded, answers, rules), page, password, listening)


def _run(desk, page, password: str | None, listening: socket.socket) -> None:
    import uvicorn

    from model_metamers.people.server import make_app

    config = uvicorn.Config(
        make_app(desk, page, password),
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=10,
        ssl_certfile=_CERTIFICATE.value,
        ssl_keyfile=_KEY.value,
    )
    try:
        config.load()
    except OSError as error:  # of TLS, which ssl.SSLError is too
        raise mm.InputError(f"--tls_certificate, --tls_key: cannot be used ({error})") from error
    host, port = listening.getsockname()[:2]
    scheme = "https" if _CERTIFICATE.value else "http"
    print(f"Serving {_STUDY.value} at {scheme}://{f'[{host}]' if ':' in host else host}:{port}/", flush=True)
    uvicorn.Server(config).run(sockets=[listening])


def _listening() -> socket.socket:
    """Where people are listened to; with its protocol named, asyncio sends small replies at once."""
    family = socket.AF_INET6 if ":" in _HOST.value else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((_HOST.value, _PORT.value))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        told = error.strerror or error
        raise mm.InputError(
            f"--host={_HOST.value} --port={_PORT.value}: cannot be listened at ({told}); choose another"
        ) from error
    return listening


def _password() -> str | None:
    return read_lines(_PASSWORD_FILE.value)[0] if _PASSWORD_FILE.value else None


def run() -> None:
    binary.run(main, after_stop=_STOPPED, tensorflow=False)


if __name__ == "__main__":
    run()
