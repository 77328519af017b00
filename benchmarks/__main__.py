"""Times this package against other arrangements of the same work, and tells what was measured on.

  python -m benchmarks
  python -m benchmarks --cases=vgg_19,cochleagram --rounds=9 --out=measured
  python -m benchmarks --cases=vgg_19 --layers=conv5_4
  python -m benchmarks --cases=evaluations --networks=vgg_19_small --layers=conv2_2,conv4_4 --stimuli=5

Contenders for the same work run in turn in one process, round by round, and the ratio of two is taken
within a round: the machine's speed wanders, and a time by itself says little. Tables show the median
and, in brackets, the smallest and the largest of the rounds. Each case has a process of its own, so
that memory is given back; one that fails is told, and the others go on.

A step is timed against the authors' form (a TensorFlow 1 graph, one call of a session for each step)
and, for VGG-19, against PyTorch and plenoptic's Metamer where they are installed
(pip install -e '.[bench]'). The ceiling is the larger of the matrix product's and the convolution's
speed in float32, measured in the same rounds; operations are counted, not measured.

Measure on a machine that does nothing else: where threads wait for a core, PyTorch's spin, so that even
its processor time grows. The load is written beside each case. All cases but the long ones take some ten
minutes on two cores.

Written to --out as each case ends: `benchmarks.md`, `benchmarks.json` and the plots.
"""

import os
import shlex
import sys
from pathlib import Path

from absl import flags

import model_metamers as mm
from benchmarks import machine, registry, results, running
from benchmarks.settings import Settings
from model_metamers.storage.whole import make_folder
from model_metamers_experiments import binary

_DEFAULT = Settings()
_LIST = "; ".join(
    f"{name}: {case.about}{' (long: only when it is named)' if case.long else ''}"
    for name, case in registry.CASES.items()
)
_CASES = flags.DEFINE_list("cases", ["all"], f"Which to run, or all. {_LIST}.")
_OUT = flags.DEFINE_string("out", "benchmarked", "Folder of the results.")
_ROUNDS = flags.DEFINE_integer("rounds", _DEFAULT.rounds, "Times that everything is timed.", lower_bound=1)
_SECONDS = flags.DEFINE_float(
    "seconds", _DEFAULT.seconds, "That a contender runs in a round; one repetition may take longer."
)
_NETWORKS = flags.DEFINE_list(
    "networks",
    [],
    "Of small_networks, null, evaluations and training, in place of their own. The catalog: "
    + ", ".join(mm.networks()),
)
_CHECKPOINT = flags.DEFINE_string(
    "checkpoint",
    None,
    "Of the networks, as for make_metamers. Without it, a step at paper size has random weights, and all "
    "else what ships.",
)
_LAYERS = flags.DEFINE_list(
    "layers", [], "Of the networks of a step, and of evaluations, in place of their own."
)
_BATCH_SIZE = flags.DEFINE_integer(
    "batch_size", 0, "Signals of a step; 0 for 1 at paper size, 16 of the small networks, 64 in training."
)
_WAYS = flags.DEFINE_bool(
    "ways",
    False,
    "Of a step: also as make_metamers takes it with --precision=bfloat16, --frontend=fast (both until the "
    "last tenth of a search), --batch_norm=folded and --convolutions=winograd. Of vgg_19 the last always.",
)
_INPUTS = flags.DEFINE_list(
    "inputs",
    [],
    "Of null and evaluations: files, folders or TFRecord files of natural signals. Without it, photographs "
    "and spoken words that come with installed libraries, or CIFAR-10's test images below METAMERS_DATA.",
)
_STIMULI = flags.DEFINE_integer("stimuli", _DEFAULT.stimuli, "Of evaluations.", lower_bound=1)
_ITERATIONS = flags.DEFINE_integer("iterations", _DEFAULT.iterations, "Of evaluations: steps of Adam.")
_EVALUATIONS = flags.DEFINE_integer(
    "evaluations", _DEFAULT.evaluations, "Of evaluations: the most that L-BFGS takes.", lower_bound=1
)
_PAIRS = flags.DEFINE_integer("pairs", _DEFAULT.pairs, "Of null: pairs of every layer.")
_MEMORY_GB = flags.DEFINE_float("memory_gb", _DEFAULT.memory_gb, "Of null: for ranks.")
_CLIPS = flags.DEFINE_integer("clips", _DEFAULT.clips, "Of training: clips of the made-up data.")
_MIXED = flags.DEFINE_bool("mixed_precision", False, "Of training: kernels in bfloat16.")
_DECIMATION = flags.DEFINE_integer("frontend_decimation", 1, "Of training: of the front end.", lower_bound=1)


def main() -> int:
    names = registry.chosen(_CASES.value)
    settings = Settings(
        rounds=_ROUNDS.value,
        seconds=_SECONDS.value,
        networks=tuple(_NETWORKS.value),
        checkpoint=_CHECKPOINT.value,
        layers=tuple(_LAYERS.value),
        batch_size=_BATCH_SIZE.value,
        ways=_WAYS.value,
        inputs=tuple(_INPUTS.value),
        stimuli=_STIMULI.value,
        iterations=_ITERATIONS.value,
        evaluations=_EVALUATIONS.value,
        pairs=_PAIRS.value,
        memory_gb=_MEMORY_GB.value,
        clips=_CLIPS.value,
        mixed_precision=_MIXED.value,
        frontend_decimation=_DECIMATION.value,
    )
    registry.check_networks(settings.networks)
    out = make_folder(Path(_OUT.value))
    here, command = machine.description(), shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]])
    done: list[results.Done] = []
    for name in names:
        print(f"## {name}: {registry.CASES[name].about}\n", flush=True)
        done.append(running.measured(name, settings))
        print("\n".join(results.section(done[-1])), flush=True)
        results.write(out, here, command, done)
    print(f"Results: {out / 'benchmarks.md'}")
    return int(any(case.failure for case in done))


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    binary.run(main, "the cases that ended are in the results", tensorflow=False)
