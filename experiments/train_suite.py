"""Trains the small networks that ship, each as it was trained.

  METAMERS_DATA=/data train_suite --only=vgg_19_small --out=suite
  METAMERS_DATA=/data train_suite --out=suite

Reads `cifar10/`, `speech_commands/`, `free_spoken_digit/` and `esc10/` below the folder that the
environment variable METAMERS_DATA names, and `tiny-imagenet-200/` for the networks of 64 x 64
pixels. Speech, backgrounds and Tiny ImageNet become data sets below OUT/data, once; every
network is trained in OUT/<network> by train_image_network or train_auditory_network, whose
whole command is printed. What is finished is not done again, and
a training that was stopped goes on. A finished network's files and manifest entry can be
moved to checkpoints/. Ends with a table of all that are there.
"""

import json
import os
import shlex
import subprocess
from pathlib import Path

from absl import flags

import model_metamers as mm
from model_metamers.execution import Task, command
from model_metamers.storage import locks
from model_metamers_experiments import binary, suite_data

_MIXTURES = {"max_shift_s": 0.1, "max_stretch": 0.2, "frontend_decimation": 10}
_SPEECH = {**_MIXTURES, "null_words": 0.04, "null_backgrounds": 0.6}
_WORDS = {**_SPEECH, "evaluations_per_epoch": 0.2}
# A network that learns faster is stopped at the score of those it is compared with (paper 3.3):
# the one with aliasing, and the one of backgrounds alone.
_MATCHED = {**_SPEECH, "evaluations_per_epoch": 0.5, "stop_at_word_accuracy": 0.82}
_BACKGROUNDS = {
    **_MIXTURES,
    "null_words": 0.3,
    "null_backgrounds": 0.04,
    "evaluations_per_epoch": 0.5,
    "saves_per_epoch": 0.5,
    "stop_at_mean_auc": 0.936,
}
# (epochs, seed, further flags) of each network; all else is in the recipe of its family.
_IMAGES: dict[str, tuple[int, int, dict]] = {
    "vgg_19_small": (30, 0, {}),
    "vgg_19_small_seed1": (30, 1, {}),
    "inception_v3_small": (24, 0, {}),
    "inception_v3_small_seed1": (24, 1, {}),
    "resnet_v2_small": (12, 0, {}),
    "resnet_v2_small_seed1": (16, 1, {}),
}
_IMAGES_64: dict[str, tuple[int, int, dict]] = {
    "resnet_v2_small_64": (14, 0, {}),
    "resnet_v2_small_64_seed1": (14, 1, {}),
    "inception_v3_small_64": (10, 0, {}),
}
_SOUNDS: dict[str, tuple[int, int, dict]] = {
    "word_aliased_small": (60, 0, _MATCHED),
    "word_reduced_aliasing_small": (160, 0, _WORDS),
    "word_reduced_aliasing_small_seed1": (160, 1, _WORDS),
    "environmental_reduced_aliasing_small": (100, 0, _BACKGROUNDS),
    "both_tasks_reduced_aliasing_small": (160, 0, _WORDS),
}

_ALL = _IMAGES | _IMAGES_64 | _SOUNDS
# The flags of a training that name data sets below OUT/data, and what builds each.
_SOUND_SETS = {
    "speech": ("speech", suite_data.speech),
    "backgrounds": ("backgrounds", suite_data.backgrounds),
}
_IMAGE_SETS = {
    "data": ("tiny_imagenet", suite_data.tiny_imagenet),
    "validation": ("tiny_imagenet_held_out", suite_data.tiny_imagenet_held_out),
}

_OUT = flags.DEFINE_string("out", None, "Folder of the data sets and the trained networks.", required=True)
_ONLY = flags.DEFINE_list("only", None, f"Networks to train. Without it, all: {', '.join(_ALL)}.")


def main() -> int:
    if not os.environ.get("METAMERS_DATA"):
        raise mm.InputError(
            "METAMERS_DATA is not set; it names the folder that holds cifar10/, "
            "speech_commands/, free_spoken_digit/ and esc10/"
        )
    data, out = Path(os.environ["METAMERS_DATA"]), Path(_OUT.value)
    chosen = _ONLY.value or list(_ALL)
    unknown = [name for name in chosen if name not in _ALL]
    if unknown:
        raise mm.InputError(f"--only={unknown[0]}: expected some of {', '.join(_ALL)}")
    with locks.hold(out):
        for folder, build in (one for name in chosen for one in _sets(name).values()):
            if not (out / "data" / folder).exists():
                _run(build(data, out / "data" / folder))
        for name in chosen:
            if not _entry(out, name):
                _run(_training(name, out))
    rows = [_row(name, entry) for name in _ALL if (entry := _entry(out, name))]
    binary.print_table([["network", "held out", "parameters", "bytes", "steps"], *rows])
    return 0


def _training(name: str, out: Path) -> Task:
    """The task that trains a network."""
    epochs, seed, own = _ALL[name]
    arguments = {
        "network": name,
        "epochs": epochs,
        "seed": seed,
        "checkpoint_dtype": "float16",
        "out": out / name,
        **own,
    }
    sets = {flag: out / "data" / folder for flag, (folder, _) in _sets(name).items()}
    program = "train_auditory_network" if name in _SOUNDS else "train_image_network"
    return Task(name, binary.module(program), arguments | sets)


def _sets(name: str) -> dict:
    """The data sets of a network by the flag that names each; CIFAR-10 needs none."""
    return _SOUND_SETS if name in _SOUNDS else _IMAGE_SETS if name in _IMAGES_64 else {}


def _run(task: Task) -> None:
    """Prints the command of a binary of this package and runs it.

    Raises:
      InputError: it failed; its own message is printed above.
    """
    python, flag, module, *arguments = command(task.program, task.arguments)
    name = module.rpartition(".")[2]
    print(shlex.join([name, *arguments]), flush=True)
    process = subprocess.Popen([python, flag, module, *arguments])
    try:
        status = process.wait()
    except KeyboardInterrupt:
        process.terminate()  # it saves its state
        process.wait()
        raise
    if status:
        raise mm.InputError(f"{name} ended with status {status}")


def _entry(out: Path, name: str) -> dict | None:
    """The manifest's entry of a network; None where its training is not finished."""
    path = out / name / "manifest.json"
    return json.loads(path.read_text(encoding="utf-8")).get(f"{name}.ckpt") if path.exists() else None


def _row(name: str, entry: dict) -> list[str]:
    metrics = ", ".join(f"{metric} {value:.4f}" for metric, value in entry["metrics"].items())
    size = sum(file["bytes"] for file in entry["files"])
    return [name, metrics, f"{entry['parameters']:,}", f"{size:,}", str(entry["steps"])]


def run() -> None:
    binary.run(main, tensorflow=False)


if __name__ == "__main__":
    run()
