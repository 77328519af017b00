"""Training the paper's auditory CNN: one step, its memory, and the input pipeline by itself.

  python benchmarks/training.py --network=word_reduced_aliasing

Speech and backgrounds are noise of the paper's form (2 s at 20 kHz, 794 words, 516 labels), so
the numbers are of the program, not of a disk's real load. The network should take longer over
a clip than the pipeline does; the ratio of the two says by how much. The two are timed in turn,
in one process each, `--rounds` times.
"""

import multiprocessing
import resource
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import app, flags

from model_metamers import catalog
from model_metamers.corpora import record_writer
from model_metamers.networks.tasks import AUDIOSET_TASK, WORD_TASK
from model_metamers.storage.writing import write_json, write_lines
from model_metamers.training import losses, mixtures, recipes, sound_input

_NETWORK = flags.DEFINE_string("network", "word_reduced_aliasing", "Auditory network of the catalog.")
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 64, "Clips of a step.")
_CLIPS = flags.DEFINE_integer("clips", 512, "Clips of either data set.")
_ROUNDS = flags.DEFINE_integer("rounds", 3, "Times that each is measured.")
_MIXED = flags.DEFINE_bool("mixed_precision", False, "Kernels in bfloat16.")
_DECIMATION = flags.DEFINE_integer("frontend_decimation", 1, "Of the front end in training.")


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


def measure_pipeline(folder: Path, name: str, batch_size: int, answer) -> None:
    """Clips per second of the input alone."""
    batches = iter(open_batches(folder, catalog.build_network(name), batch_size))
    for _ in range(4):
        next(batches)
    began, count = time.monotonic(), 12
    for _ in range(count):
        next(batches)
    answer.put(count * batch_size / (time.monotonic() - began))


def measure_step(folder: Path, name: str, batch_size: int, mixed: bool, decimation: int, answer) -> None:
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
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    answer.put((times[0], min(times[1:]), peak))


def _apart(function, *args):
    """The answer of a function that runs in a process of its own."""
    context = multiprocessing.get_context("spawn")
    answer = context.Queue()
    process = context.Process(target=function, args=(*args, answer))
    process.start()
    measured = answer.get()
    process.join()
    return measured


def main(argv) -> None:
    del argv
    size = _BATCH_SIZE.value
    with tempfile.TemporaryDirectory() as folder:
        write_data(Path(folder), catalog.build_network(_NETWORK.value), _CLIPS.value)
        rates, steps = [], []
        for number in range(_ROUNDS.value):
            rates.append(_apart(measure_pipeline, Path(folder), _NETWORK.value, size))
            steps.append(
                _apart(measure_step, Path(folder), _NETWORK.value, size, _MIXED.value, _DECIMATION.value)
            )
            first, later, peak = steps[-1]
            print(
                f"round {number + 1}: pipeline {rates[-1]:.0f} clips/s; step of {size} clips: first "
                f"{first:.1f} s, later {later:.2f} s ({size / later:.1f} clips/s), peak {peak:.1f} GiB",
                flush=True,
            )
        ratios = [rate * later / size for rate, (_, later, _) in zip(rates, steps, strict=True)]
    print(
        f"{_NETWORK.value}: the pipeline is {statistics.median(ratios):.1f} times as fast as the network "
        f"({min(ratios):.1f} to {max(ratios):.1f} in {len(ratios)} rounds)"
    )


if __name__ == "__main__":
    app.run(main)
