"""Training an auditory CNN: one step, its memory, and the input pipeline by itself."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import tensorflow as tf

from benchmarks.results import Result, Table
from benchmarks.running import apart, peak_gib
from benchmarks.settings import Settings
from benchmarks.timing import Spread
from model_metamers import catalog
from model_metamers.corpora import record_writer
from model_metamers.networks.tasks import AUDIOSET_TASK, WORD_TASK
from model_metamers.storage.writing import write_json, write_lines
from model_metamers.training import losses, mixtures, recipes, sound_input

_NETWORK = "word_reduced_aliasing"
_BATCH = 64
_COLUMNS = (
    "input, clips/s",
    "first step, s",
    "later steps, s",
    "clips/s",
    "peak memory, GiB",
    "the input is faster by",
)


def run(name: str, settings: Settings) -> Result:
    """Times a step and the input of `--networks` in turn, in a process of its own each.

    Speech and backgrounds are noise of the paper's form (2 s at 20 kHz, 794 words, 516 labels), so the
    numbers are of the program, not of a disk's real load. The network should take longer over a clip
    than the input does; the ratio of the two says by how much.
    """
    del name
    return Result(tuple(_measure(network, settings) for network in settings.networks or (_NETWORK,)))


def _measure(name: str, settings: Settings) -> Table:
    size = settings.batch_size or _BATCH
    with tempfile.TemporaryDirectory() as folder:
        write_data(Path(folder), catalog.build_network(name), settings.clips)
        rates, steps = [], []
        for _ in range(settings.rounds):
            rates.append(apart(measure_pipeline, Path(folder), name, size))
            steps.append(
                apart(
                    measure_step,
                    Path(folder),
                    name,
                    size,
                    settings.mixed_precision,
                    settings.frontend_decimation,
                )
            )
    firsts, later, peaks = zip(*steps, strict=True)
    speeds = [size / seconds for seconds in later]
    row = (
        Spread.of(rates).text(),
        Spread.of(firsts).text(),
        Spread.of(later).text(),
        Spread.of(speeds).text(),
        Spread.of(peaks).text(),
        Spread.of([rate / speed for rate, speed in zip(rates, speeds, strict=True)]).text(unit="x"),
    )
    numbers = {
        "clips_a_second_of_the_input": rates,
        "first_seconds": firsts,
        "later_seconds": later,
        "peak_gib": peaks,
    }
    return Table(f"{name}, steps of {size} clips", _COLUMNS, (row,), numbers)


def write_data(folder: Path, network, count: int) -> None:
    """Noise in the form of the two data sets."""
    samples, rate = network.signal.shape[0], network.signal.sample_rate
    random = np.random.RandomState(0)
    words = network.tasks.get(WORD_TASK, ("", 2))[1]
    labels = network.tasks.get(AUDIOSET_TASK, ("", 517))[1]
    names = {"speech": "words.txt", "backgrounds": "labels.txt"}
    own = {WORD_TASK: "speech", AUDIOSET_TASK: "backgrounds"}[network.task]
    classes = {"speech": range(words), "backgrounds": range(labels)} | {own: network.classes}
    for kind, name in names.items():
        (folder / kind).mkdir()
        for split in ("train", "validation"):
            with record_writer.ShardWriter(folder / kind, split, 4, 0) as writer:
                for i in range(count if split == "train" else 4):
                    target = {"/stimuli/word_int": i % words}
                    if kind == "backgrounds":
                        target = {AUDIOSET_TASK: np.eye(labels, dtype=np.int64)[i % labels]}
                    writer.write({"/stimuli/signal": random.randn(samples).astype(np.float32), **target})
        write_lines(folder / kind / name, map(str, classes[kind]))
        write_json(folder / kind / "summary.json", {"sample_rate": rate, "num_samples": samples})


def open_batches(folder: Path, network, batch_size: int) -> tf.data.Dataset:
    """One epoch of mixtures after another."""
    config = mixtures.MixtureConfig(network.signal.sample_rate)
    data = sound_input.open_data(network, folder / "speech", folder / "backgrounds", list(network.tasks))
    return data["train"].batches(0, 0, batch_size, 0, config).repeat()


def measure_pipeline(folder: Path, name: str, batch_size: int) -> float:
    """Clips per second of the input alone."""
    batches = iter(open_batches(folder, catalog.build_network(name), batch_size))
    for _ in range(4):
        next(batches)
    began, count = time.monotonic(), 12
    for _ in range(count):
        next(batches)
    return count * batch_size / (time.monotonic() - began)


def measure_step(
    folder: Path, name: str, batch_size: int, mixed: bool, decimation: int
) -> tuple[float, float, float]:
    """Seconds of the first and of a later training step, and the process's largest memory in GiB."""
    network = catalog.build_network(name)
    network.initialize(0)
    batches = iter(open_batches(folder, network, batch_size))
    optimizer = recipes.choose(name).optimizer()
    variables = [v for v in network.weights.values() if v.trainable]
    optimizer.build(variables)
    objective = losses.tasks({task: 1.0 for task in network.tasks}, decimation)

    @tf.function(autograph=False)
    def step(signals, labels, seed):
        with tf.GradientTape() as tape:
            if mixed:
                with network.computing_in(tf.bfloat16):
                    loss = objective(network, signals, labels, seed)
            else:
                loss = objective(network, signals, labels, seed)
        optimizer.apply(tape.gradient(loss, variables), variables)
        return loss

    times = []
    for number in range(3):
        began = time.monotonic()
        float(step(*next(batches), tf.constant([0, number])))
        times.append(time.monotonic() - began)
    return times[0], min(times[1:]), peak_gib()
