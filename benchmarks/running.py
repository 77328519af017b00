"""Cases, each in a process of its own, which gives all its memory back."""

from __future__ import annotations

import logging
import multiprocessing
import platform
import resource
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from benchmarks import machine, registry
from benchmarks.results import Done, Result
from benchmarks.settings import Settings
from model_metamers_experiments import binary


def measured(name: str, settings: Settings) -> Done:
    """A case, run; an error in it, or a process that the system ended, is told as its failure."""
    began, result, failure, peak = time.monotonic(), None, "", 0.0
    try:
        result, failure, peak = apart(_run, name, settings)
    except BrokenProcessPool:
        failure = "its process was ended from outside, perhaps because memory ran out"
    return Done(name, result, failure, time.monotonic() - began, peak, machine.load())


def apart(function: Callable, *arguments: Any) -> Any:
    """What the function returns or raises in a new process.

    Raises:
      BrokenProcessPool: the process was ended from outside.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def peak_gib() -> float:
    """The largest memory of this process so far, GiB."""
    unit = 2**30 if platform.system() == "Darwin" else 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _run(name: str, settings: Settings) -> tuple[Result | None, str, float]:
    """A case's result or the line that tells why there is none, and the largest memory."""
    binary.import_tensorflow_quietly()
    # Each size is compiled anew, as it should be, and TensorFlow would warn of it.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    try:
        return registry.run(name, settings), "", peak_gib()
    except Exception as error:
        told = binary.mendable(error)
        if told is None:  # a defect, of which the others should not suffer
            traceback.print_exc()
            told = f"{type(error).__name__}, a defect; what was printed shows where"
        return None, told, peak_gib()
