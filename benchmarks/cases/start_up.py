"""What a user waits for before anything is computed."""

from __future__ import annotations

import subprocess
import sys

from benchmarks import timing
from benchmarks.results import Result, Table
from benchmarks.settings import Settings
from benchmarks.timing import Contender, Spread
from model_metamers_experiments import binary

_TENSORFLOW = "import tensorflow"
_MOST_ROUNDS = 3  # of half a minute each
_NETWORK, _LAYER = "vgg_19_small", "conv4_4"
_FIRST_STEP = (
    "import numpy as np; import model_metamers as mm; "
    f"network = mm.load_network('{_NETWORK}'); "
    f"mm.synthesize(network, '{_LAYER}', np.full(network.signal.shape, 0.5, np.float32), "
    "mm.SynthesisConfig(iterations=1), progress=False)"
)


def run(name: str, settings: Settings) -> Result:
    """Times whole processes, in turn."""
    del name
    commands = {
        _TENSORFLOW: ["-c", _TENSORFLOW],
        "import model_metamers": ["-c", "import model_metamers"],
        "make_metamers --help": ["-m", binary.module("make_metamers"), "--help"],
        "fetch_checkpoint --list": ["-m", binary.module("fetch_checkpoint"), "--list"],
        f"first step of {_NETWORK}": ["-c", _FIRST_STEP],
    }
    contenders = [Contender(by, _process(arguments)) for by, arguments in commands.items()]
    times = timing.in_turn(contenders, min(settings.rounds, _MOST_ROUNDS), 0.0)
    rows = [(by, Spread.of(own.wall).text(), Spread.of(own.processor).text()) for by, own in times.items()]
    own, imported = times[f"first step of {_NETWORK}"], times[_TENSORFLOW]
    pairs = ((own.wall, imported.wall), (own.processor, imported.processor))
    beyond = [Spread.of([a - b for a, b in zip(*pair, strict=True)]) for pair in pairs]
    wall, processor = (spread.text() for spread in beyond)
    rows.append((f"first step of {_NETWORK}, without TensorFlow's own import", wall, processor))
    numbers = {by: {"wall_seconds": t.wall, "processor_seconds": t.processor} for by, t in times.items()}
    return Result((Table("Whole processes", ("what", "s", "processor, s"), tuple(rows), numbers),))


def _process(arguments: list[str]):
    def run_it(repetitions: int) -> None:
        for _ in range(repetitions):
            # absl's --help ends with status 1, as its users know it.
            subprocess.run([sys.executable, *arguments], capture_output=True, check="--help" not in arguments)

    return run_it
