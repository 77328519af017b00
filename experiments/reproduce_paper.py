"""Everything in the paper that needs no people, in one command and on one page.

  reproduce_paper --scale=mini --out=reproduction           # or: make reproduce
  reproduce_paper --scale=mini --plan                       # what it would run, and for how long
  reproduce_paper --scale=paper --images=photos --image_labels=labels.csv --words=clips \\
      --checkpoint=vgg_other_seed=vgg_19_b.ckpt --checkpoint=word=words.ckpt --out=reproduction

Makes metamers of every network, with the linear and with the ordinary ReLU gradient (Figure 2), lets
networks judge those of others (Figures 5, 6) and those whose cochleagram was optimised (Figure
S9), draws the figures, and tells of each claim whether it holds here, with the numbers:
OUT/report.html, OUT/claims.json, OUT/figures/*.pdf.

The mini scale takes the small networks that ship. Where METAMERS_DATA names a folder with
cifar10/ and speech_commands/, free_spoken_digit/, the signals are labelled test images and words of
speakers not trained on; where not, photographs of installed libraries and words said by espeak-ng.
The paper scale takes the paper's networks, where their weights were fetched or are named with
--checkpoint, and signals of yours. What a claim needs and is not there makes it "cannot be told here".

Prints the plan first. What is done is not done again; a reproduction that was stopped goes on with
the same command. Several steps run side by side (--jobs), each on its share of the cores; each writes
OUT/logs/STEP.txt.
"""

import dataclasses
import os
import sys
from pathlib import Path

from absl import flags

import model_metamers as mm
from model_metamers import runs
from model_metamers.networks import catalog, small
from model_metamers.stimuli import files
from model_metamers_experiments import binary, suite_data
from model_metamers_experiments.reproduction import cast, page, running, steps, stimuli

_SCALE = flags.DEFINE_enum("scale", "mini", list(cast.SCALES), "Which networks, and how much of everything.")
_OUT = flags.DEFINE_string("out", "reproduction", "Folder of the results.")
_PLAN = flags.DEFINE_bool("plan", False, "Print the plan, and end.")
_CHECKPOINT = flags.DEFINE_multi_string("checkpoint", [],
    f"ROLE=CHECKPOINT, repeatable. Roles: {', '.join(part.role for part in cast.PAPER.parts)}.")  # fmt: skip
_IMAGES = flags.DEFINE_string("images", None, "Folder of images that are matched.")
_FURTHER_IMAGES = flags.DEFINE_string("further_images", None, "Folder of others, for the null distribution.")
_IMAGE_LABELS = flags.DEFINE_string("image_labels", None, "Their classes, as for recognize_metamers.")
_WORDS = flags.DEFINE_string("words", None, "Folder of spoken words that are matched.")
_FURTHER_WORDS = flags.DEFINE_string("further_words", None, "Folder of others, for the null distribution.")
_WORD_LABELS = flags.DEFINE_string("word_labels", None, "Their classes, as for recognize_metamers.")
_STIMULI = flags.DEFINE_integer("stimuli", None,
    "Signals of either kind, where they are drawn. Without it, the scale's.", lower_bound=2)  # fmt: skip
_ITERATIONS = flags.DEFINE_integer("iterations", None, "Steps of every search. Without it, the scale's.",
                                   lower_bound=1)  # fmt: skip
_JOBS = flags.DEFINE_integer("jobs", min(2, os.cpu_count() or 1), "Steps at once.", lower_bound=1)
_PROGRESS = flags.DEFINE_bool("progress", True, "Show a progress bar.")


def main() -> int:
    out = Path(_OUT.value)
    scale, missing = cast.with_checkpoints(cast.SCALES[_SCALE.value], _CHECKPOINT.value)
    stimuli_asked = dict.fromkeys(scale.stimuli, _STIMULI.value) if _STIMULI.value else dict(scale.stimuli)
    scale = dataclasses.replace(
        scale, stimuli=stimuli_asked, iterations=_ITERATIONS.value or scale.iterations
    )
    runs.claim_folder(out, {"scale": _SCALE.value, "stimuli": stimuli_asked, "iterations": scale.iterations,
                            "data": bool(os.environ.get("METAMERS_DATA"))})  # fmt: skip
    signals = {"image": _images(scale, out), "sound": _words(scale, out)}
    planned = steps.plan(scale, signals, _counts(scale, signals), out)
    _print_plan(planned, missing, out)
    if _PLAN.value:
        return 0
    failures = running.run(planned, out, _JOBS.value, _PROGRESS.value)
    told = page.findings(scale, out)
    written = page.write(out, scale, told, {
        "scale": _SCALE.value,
        "command": " ".join(["reproduce_paper", *binary.settings(__name__, ["plan", "progress", "jobs"])]),
        "sources": {kind: found.source for kind, found in signals.items()},
        "missing": missing,
        "failures": failures,
        "costs": [(step.name, seconds) for step in planned if (seconds := running.seconds(step, out))],
    })  # fmt: skip
    for failure in failures:
        print(f"reproduce_paper: {failure}", file=sys.stderr)
    binary.print_table([["claim", "verdict", "value", "sem", "compared"], *page.rows(told)])
    print(f"Look: {written}")
    return int(bool(failures))


def _images(scale: cast.Scale, out: Path) -> stimuli.Stimuli:
    if _IMAGES.value:
        return stimuli.own(_IMAGES.value, _FURTHER_IMAGES.value, _IMAGE_LABELS.value)
    _only_mini("images")
    data, folder = os.environ.get("METAMERS_DATA"), out / "stimuli" / "images"
    if data and (Path(data) / "cifar10").is_dir():
        return stimuli.cifar10(Path(data) / "cifar10", folder, scale.stimuli["image"], scale.null_stimuli)
    return stimuli.photographs(folder, scale.stimuli["image"])


def _words(scale: cast.Scale, out: Path) -> stimuli.Stimuli:
    if _WORDS.value:
        return stimuli.own(_WORDS.value, _FURTHER_WORDS.value, _WORD_LABELS.value)
    _only_mini("words")
    data, folder = os.environ.get("METAMERS_DATA"), out / "stimuli" / "words"
    if data and (Path(data) / "speech_commands").is_dir():
        speech = out / "stimuli" / "speech"
        if not speech.exists():
            failures = running.run(
                [steps.Step("speech", 0, tuple(suite_data.speech(Path(data), speech)), 60)], out, 1, False
            )
            if failures:
                raise mm.InputError(failures[0])
        return stimuli.spoken_words(
            speech, folder, scale.stimuli["sound"], scale.null_stimuli, small.SAMPLE_RATE
        )
    return stimuli.synthesised_words(folder, scale.stimuli["sound"])


def _only_mini(flag: str) -> None:
    if _SCALE.value != "mini":
        raise mm.InputError(f"--scale={_SCALE.value} needs --{flag}: a folder of natural signals")


def _counts(scale: cast.Scale, signals: dict[str, stimuli.Stimuli]) -> dict[str, int]:
    """How many signals of each kind are matched."""
    counts = {}
    for kind, found in signals.items():
        part = next((part for part in scale.parts if part.kind == kind), None)
        if part:
            counts[kind] = len(files.find_files([found.matched], catalog.build_network(part.network).signal))
    return counts


def _print_plan(planned: list[steps.Step], missing: dict[str, str], out: Path) -> None:
    left = running.left(planned, out)
    rows = [["step", "minutes on a core", "MB", ""]]
    for step in planned:
        done = "" if step in left else "done"
        rows.append([step.name, f"{step.seconds / 60:.1f}", f"{step.bytes / 1e6:.0f}", done])
    binary.print_table(rows)
    for role, why in missing.items():
        print(f"Left out: {role} ({why})")
    seconds, size = steps.total(left)
    print(f"{len(left)} of {len(planned)} steps to run: about {seconds / 60 / _JOBS.value:.0f} minutes "
          f"with {_JOBS.value} at once, {size / 1e6:.0f} MB below {out}.", flush=True)  # fmt: skip


def run() -> None:
    binary.run(main)


if __name__ == "__main__":
    run()
