"""A binary that is started again and again, killed, and started twice at once.

Importing TensorFlow and drawing a first figure take seconds. So a server process does both, with the
binary's module imported but none of its flags read and none of TensorFlow's operations run, and
forks itself for every start. As it has a single thread, a fork is a whole copy.
"""

import dataclasses
import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

_USED = (
    "keras",
    "model_metamers.catalog.named_network",
    "model_metamers.criteria.null_distribution",
    "model_metamers.networks.vgg",
    "model_metamers.recognition.network_judge",
    "model_metamers.runs.null_runs",
    "model_metamers.runs.report",
    "model_metamers.signals.collection",
    "model_metamers.synthesis.making",
    "model_metamers.weights.tf_checkpoint",
)
_OPERATIONS = ("link", "mkdir", "remove", "rename", "replace", "rmdir", "unlink")
# One thread each, since many starts share few cores.
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
_ENVIRONMENT = {**dict.fromkeys(_THREADS, "1"), "TF_CPP_MIN_LOG_LEVEL": "3"}


@dataclasses.dataclass(frozen=True)
class Ended:
    """What became of a start.

    Attributes:
      status: its exit status; negative, the signal that killed it.
      told: what it wrote to its error stream.
      operations: on files that it went through, where it came to its end.
    """

    status: int
    told: str
    operations: int | None


class Started:
    """A start that runs."""

    def __init__(self, ask: Callable, process: int, log: Path):
        self._ask, self._log, self.process = ask, log, process

    def kill(self) -> None:
        """Ends it, wherever it is; nothing where it has ended."""
        os.kill(self.process, signal.SIGKILL)  # not yet waited for: the number is still its own

    def wait(self) -> Ended:
        status = self._ask({"wait": self.process})
        *told, last = self._log.read_text(errors="replace").splitlines() or [""]
        counted = last.removeprefix("operations: ") if last.startswith("operations: ") else None
        told = "\n".join(told if counted else [*told, last])
        return Ended(status, told, int(counted) if counted else None)


class ForkServer:
    """Starts a binary as `python -m model_metamers_experiments.BINARY FLAGS` would.

    Args:
      binary: name of its module.
      logs: folder for what the starts say.
    """

    def __init__(self, binary: str, logs: Path):
        self._logs, self._count = logs, 0
        self._server = subprocess.Popen(
            [sys.executable, "-m", __name__, binary],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **_ENVIRONMENT},
        )
        assert json.loads(self._server.stdout.readline()) == {"threads": 1}

    def start(self, folder: Path, *flags: str, kill_at: int | None = None, after: bool = False) -> Started:
        """Starts the binary.

        Args:
          folder: that it is started in.
          flags: of it.
          kill_at: the operation on files, counted from 1, at which it kills itself.
          after: whether right after that operation, or before.
        """
        self._count += 1
        log = self._logs / f"{self._count}.txt"
        log.touch()  # it may be killed before it has opened it
        order = {"flags": flags, "log": str(log), "folder": str(folder)}
        return Started(self._ask, self._ask({**order, "kill_at": kill_at, "after": after}), log)

    def run(self, folder: Path, *flags: str, **how) -> Ended:
        """Starts the binary, and waits for it."""
        return self.start(folder, *flags, **how).wait()

    def close(self) -> None:
        self._server.stdin.close()
        self._server.wait()

    def _ask(self, order: dict) -> int:
        print(json.dumps(order), file=self._server.stdin, flush=True)
        return json.loads(self._server.stdout.readline())


def _serve(binary: str) -> None:
    module = _load(binary)
    _reply({"threads": len(os.listdir("/proc/self/task"))})
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            _reply(os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1]))
            continue
        process = os.fork()
        if not process:
            _become(module, binary, order)
        _reply(process)


def _load(binary: str):
    from matplotlib.figure import Figure

    for name in _USED:
        importlib.import_module(name)
    figure = Figure(figsize=(1, 1), layout="constrained")
    figure.add_subplot().set_yscale("log")
    figure.savefig(os.devnull, format="png")
    return importlib.import_module(f"model_metamers_experiments.{binary}")


def _reply(value: object) -> None:
    print(json.dumps(value), flush=True)


def _become(module, binary: str, order: dict) -> None:
    """The child's part: runs the binary as a program of its own, and never returns."""
    status = 1
    try:
        os.chdir(order["folder"])
        for stream, path in ((0, os.devnull), (1, os.devnull), (2, order["log"])):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            os.dup2(descriptor, stream)
            os.close(descriptor)
        operations = _count_operations(order["kill_at"], order["after"])
        sys.argv = [binary, *order["flags"]]
        try:
            module.run()
        except SystemExit as end:
            status = end.code or 0
        print(f"operations: {len(operations)}", file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status if isinstance(status, int) else 1)


def _count_operations(kill_at: int | None, after: bool) -> list[str]:
    """Counts operations on files from now on, and kills this process at one of them."""
    done: list[str] = []

    def counting(name: str, operation: Callable) -> Callable:
        def counted(*args, **more):
            done.append(name)
            if len(done) == kill_at and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            result = operation(*args, **more)
            if len(done) == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return counted

    for name in _OPERATIONS:
        setattr(os, name, counting(name, getattr(os, name)))
    return done


if __name__ == "__main__":
    _serve(sys.argv[1])
