"""The server and the simulated observers as they are typed."""

import signal
import socket
import sqlite3
import subprocess
import sys
import time

import pytest
import requests

from tests.builders import binaries, serving, studies


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return studies.make_study(tmp_path_factory.mktemp("study") / "study")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return studies.make_page(tmp_path_factory.mktemp("page") / "page")


def refused(*flags):
    """The one line that ends a server which does not begin."""
    done = binaries.run("serve_human_experiment", *flags)
    assert done.returncode == 2 and not done.stdout, (done.stdout, done.stderr)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("serve_human_experiment: ") and "Traceback" not in done.stderr
    return last


def test_from_simulated_observers_to_exports_and_deletion(place, page, tmp_path):
    data = tmp_path / "data"
    asked = (f"--study={place.path}", f"--data={data}")
    with serving.running(place, data, page, "--allow_simulated") as url:
        done = binaries.run(
            "simulate_human_observers",
            *(
                f"--study={place.path}",
                f"--url={url}",
                "--accuracies=0.5",
                "--participants=3",
                "--noprogress",
            ),
        )
        assert done.stdout == "Simulated observers: 3 finished\n", done.stderr
        exported = binaries.run("serve_human_experiment", *asked, f"--export={tmp_path / 'out'}")
        assert "(3 sessions, 3 of them simulated; 36 answers)" in exported.stdout, exported.stderr
        assert "is written to by process" in refused(*asked, f"--page={page}", "--port=0")
        assert "is written to by process" in refused(*asked, "--delete=simulated-0-2")
    deleted = binaries.run("serve_human_experiment", *asked, "--delete=simulated-0-2")
    assert deleted.stdout == "Deleted: person 2, with all answers\n"
    assert b"simulated-0-2" not in b"".join(path.read_bytes() for path in data.iterdir())
    assert b"simulated-0-3" in (data / "answers.sqlite").read_bytes()
    assert "no person with this code" in refused(*asked, "--delete=simulated-0-2")
    again = binaries.run("serve_human_experiment", *asked, f"--export={tmp_path / 'again'}")
    assert "(2 sessions" in again.stdout


def test_it_ends_when_told_and_goes_on_with_the_same_command(place, page, tmp_path):
    body = {"code": "P01", "source": "code", "simulated": False}
    process = serving.start(place, tmp_path / "data", page)
    token = requests.post(f"{process.url}/api/session", json=body, timeout=20).json()["token"]
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 143 and out == ""
    assert err.endswith("stopped; every answer that was acknowledged is kept, and the same command goes on\n")
    with serving.running(place, tmp_path / "data", page) as url:
        assert requests.post(f"{url}/api/session", json=body, timeout=20).json()["token"] == token


def test_it_loads_no_tensorflow_stays_small_and_logs_nobody(place, page, tmp_path):
    process = serving.start(place, tmp_path / "data", page)
    with requests.Session() as http:
        for code in ("P01", "P 02"):
            http.post(f"{process.url}/api/session", json={"code": code, "source": "code"}, timeout=20)
        http.get(f"{process.url}/nothing/127.0.0.1", timeout=20)
        with open(f"/proc/{process.pid}/maps") as maps, open(f"/proc/{process.pid}/status") as status:
            assert "libtensorflow" not in maps.read()
            peak_kb = int(status.read().partition("VmHWM:")[2].split()[0])
    assert peak_kb < 80_000
    process.terminate()
    out, err = process.communicate(timeout=20)
    assert out == "" and err.count("\n") == 1  # that it was stopped
    tables = sqlite3.connect(tmp_path / "data" / "answers.sqlite").iterdump()
    assert not any("127.0.0.1" in line for line in tables)


def test_what_runs_in_the_server_holds_no_tensorflow_module(place, page, tmp_path):
    code = (
        "import sys, pathlib\n"
        "from model_metamers.people import export, loaded_study, observers, page_files, server, store\n"
        "import model_metamers_experiments.serve_human_experiment, uvicorn\n"
        "slow = {'tensorflow', 'keras', 'scipy.stats', 'matplotlib', 'sklearn', 'pandas'}\n"
        "assert not slow & sys.modules.keys(), slow & sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_connection_is_kept_while_people_think(place, page, tmp_path):
    with serving.running(place, tmp_path / "data", page) as url, requests.Session() as http:
        http.get(f"{url}/api/study", timeout=20)
        pool = next(iter(http.adapters["http://"].poolmanager.pools._container.values()))
        time.sleep(6)  # uvicorn's own limit is 5 s
        http.get(f"{url}/api/study", timeout=20)
        assert pool.num_connections == 1


def test_what_cannot_be_served_is_refused_before_anything_is_written(place, page, tmp_path):
    data = tmp_path / "data"
    asked = (f"--study={place.path}", f"--data={data}", f"--page={page}")
    other = studies.make_study(tmp_path / "other")
    empty = tmp_path / "empty.txt"
    empty.write_text("\n")
    assert "make experiment-page" in refused(*asked[:2], f"--page={tmp_path}")
    assert "no readable study" in refused(f"--study={tmp_path}", *asked[1:])
    assert "need one another" in refused(*asked, "--tls_certificate=a.pem")
    assert "one at a time" in refused(*asked, "--export=a", "--delete=b")
    assert "is empty" in refused(*asked, f"--password_file={empty}")
    assert "no answers.sqlite" in refused(*asked, "--export=a")
    assert "no answers.sqlite" in refused(*asked, "--delete=a")
    assert not data.exists()
    with serving.running(place, data, page):
        pass
    assert "holds answers to another study" in refused(f"--study={other.path}", *asked[1:])
    assert "holds answers to another study" in refused(f"--study={other.path}", asked[1], "--export=a")
    assert "cannot be used" in refused(*asked, f"--tls_certificate={empty}", f"--tls_key={empty}")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "choose another" in refused(*asked, f"--port={taken.getsockname()[1]}")


def test_the_page_of_progress_has_the_passwords_first_line(place, page, tmp_path):
    password = tmp_path / "password.txt"
    password.write_text("correct horse\n", encoding="utf-8")
    with serving.running(place, tmp_path / "data", page, f"--password_file={password}") as url:
        assert requests.get(f"{url}/progress", auth=("me", "correct horse"), timeout=20).status_code == 200
        assert requests.get(f"{url}/progress", timeout=20).status_code == 401


@pytest.mark.parametrize(
    "accuracies, told",
    [
        ("1.5", "1.5"),
        ("none.csv", "cannot be read"),
        ("table.csv", "2 conditions"),
        ("text.csv", "proportions"),
    ],
)
def test_observers_who_cannot_be_are_refused(place, tmp_path, accuracies, told):
    (tmp_path / "table.csv").write_text("condition,accuracy\nnatural,0.9\nvgg/conv1,0.5\n")
    (tmp_path / "text.csv").write_text("condition,accuracy\nnatural,high\n")
    flags = [
        f"--study={place.path}",
        "--url=http://127.0.0.1:9",
        f"--accuracies={accuracies}",
        "--noprogress",
    ]
    done = binaries.run("simulate_human_observers", *flags, cwd=tmp_path)
    assert done.returncode == 2 and told in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
