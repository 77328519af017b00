"""Binaries as they are typed, and programs of a test, each in a process of its own.

Loading TensorFlow takes seconds, and the tests start well over a hundred. So each process
is forked from one server that has the libraries loaded, but nothing of this package, and has run
none of TensorFlow's operations.
"""

import atexit
import concurrent.futures
import multiprocessing
import multiprocessing.connection
import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_LIBRARIES = (
    "absl.app",
    "jinja2",
    "matplotlib.pyplot",
    "PIL.Image",
    "pytest",  # a child imports its parent's main module
    "requests",
    "scipy.signal",
    "scipy.stats",
    "soundfile",
    "soxr",
    "tensorflow",
    "keras",  # which TensorFlow loads when it is first used
    "tqdm",
)
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(list(_LIBRARIES))


def run(
    binary: str,
    *flags: str,
    cwd: Path | str | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float = 300,
) -> subprocess.CompletedProcess:
    """What `python -m model_metamers_experiments.BINARY FLAGS` returns and prints.

    Args:
      binary: its module's name.
      flags: of the binary.
      cwd: folder it starts in, None for this one.
      env: its environment, None for this one. What libraries read while they load, such as
        TF_ENABLE_ONEDNN_OPTS, is that of the tests.
      timeout: seconds after which it is killed and the test fails.
    """
    return _in_a_process(_run_module, binary, flags, cwd or os.getcwd(), env or os.environ, timeout)


def run_program(
    code: str, *flags: str, env: Mapping[str, str] | None = None, timeout: float = 300
) -> subprocess.CompletedProcess:
    """What `python -c CODE FLAGS` returns and prints in this folder; see `run`."""
    return _in_a_process(_run_code, code, flags, os.getcwd(), env or os.environ, timeout)


def _in_a_process(entry: Callable, what: str, flags: Sequence[str], cwd, env, timeout: float):
    (out, child_out), (err, child_err) = (_PROCESSES.Pipe(duplex=False) for _ in range(2))
    started = (entry, what, flags, str(cwd), dict(env), child_out, child_err)
    process = _PROCESSES.Process(target=_become, args=started)
    process.start()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for end in (child_out, child_err):
            end.close()
        told = [pool.submit(_read, end) for end in (out, err)]
        process.join(timeout)
        late = process.exitcode is None
        if late:
            process.kill()
            process.join()
    out, err = (text.result() for text in told)
    if late:
        raise TimeoutError(f"{what} {' '.join(flags)} took more than {timeout} s: {err}")
    return subprocess.CompletedProcess([what, *flags], process.exitcode, out, err)


def _read(end: multiprocessing.connection.Connection) -> str:
    with end, os.fdopen(os.dup(end.fileno()), encoding="utf-8") as file:
        return file.read()


def _become(
    entry: Callable, what: str, flags: Sequence[str], cwd: str, env: dict[str, str], out, err
) -> None:
    """The child's part: takes over what `subprocess` would have set, and ends as a program does."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    for end, descriptor in ((out, 1), (err, 2)):
        os.dup2(end.fileno(), descriptor)
        end.close()
    sys.argv = [what, *flags]
    try:
        entry(what)
    finally:
        atexit._run_exitfuncs()  # which a process of multiprocessing leaves out


def _run_module(binary: str) -> None:
    runpy.run_module(f"model_metamers_experiments.{binary}", run_name="__main__", alter_sys=True)


def _run_code(code: str) -> None:
    exec(compile(code, "<program>", "exec"), {"__name__": "__main__"})
