"""Everything in the paper that needs no people, in one command and on one page.

  reproduce_paper --scale=mini --out=reproduction           # or: make reproduce
  reproduce_paper --scale=mini --plan                       # what it would run, and for how long
  reproduce_paper --scale=imagenet --images=photos --image_labels=labels.csv --stimuli=16 \\
      --network=squeezenet=examples/squeezenet.py:network --checkpoint=squeezenet=squeezenet.npz
  reproduce_paper --scale=paper --images=photos --image_labels=labels.csv --words=clips \\
      --checkpoint=vgg_other_seed=vgg_19_b.ckpt --checkpoint=word=words.ckpt --out=reproduction

Makes metamers of the networks of the paper's comparisons, those of two also with the ordinary ReLU
gradient (Figure 2), lets networks judge those of others (Figures 5, 6) and those whose cochleagram
was optimised (Figure S9), draws the figures, and tells of each claim whether it holds here, with
the numbers: OUT/report.html, OUT/claims.json, OUT/figures/*.pdf (Figures 3, 5, 6, S9),
OUT/relu/*/*.pdf (Figure 2), OUT/verdicts/*/*.pdf (Figures S1 to S8).

The mini scale takes the small networks that ship, and searches by L-BFGS (those of Figure 2 by Adam).
The imagenet scale does the same with ImageNet networks, whichever have weights here, and photographs of
yours: claims 1 to 4, with the 16-way and the 1000-way decision.
Where METAMERS_DATA names a folder with cifar10/ and speech_commands/, free_spoken_digit/, the signals
are labelled test images and words of speakers not trained on; where not, photographs of installed
libraries and words said by espeak-ng. The null distribution is of signals that the networks were trained
on, as the paper's, where METAMERS_DATA holds these; the page says of how many pairs. The paper scale takes
the paper's networks, where their weights were fetched or are named with --checkpoint, signals of yours, and
Adam. What a claim needs and is not there makes it "cannot be told here".

Prints the plan first; --plan writes nothing. What is done is not done again; a reproduction that was
stopped goes on with the same command. Several steps run side by side (--jobs), each on its share of
the cores; each writes OUT/logs/STEP.txt. One that failed leaves out what it would have made.

With --cluster the steps are run by workers, on other machines too, if they see OUT, the stimuli and the
weights: --cluster=local --workers=2, or --cluster=slurm --workers=12 --walltime=8h. Each step has one
worker; to divide the searches of one network further, make_metamers has the same flags. The bytes are those
of one process with as many --threads.
"""

import dataclasses
import functools
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

import model_metamers as mm
from model_metamers import execution
from model_metamers.catalog import named_network, small_signals
from model_metamers.criteria.null_rule import MAXIMUM
from model_metamers.execution import task_units
from model_metamers.runs.batches import WHOLE
from model_metamers.storage import locks
from model_metamers.storage.claims import claim_folder
from model_metamers_experiments import (
    binary,
    cluster_flags,
    flag_checks,
    job_flags,
    reproduction,
    suite_data,
)
from model_metamers_experiments.reproduction import cast, scales

if TYPE_CHECKING:
    from model_metamers_experiments.reproduction.steps import RunTasks
    from model_metamers_experiments.reproduction.stimuli import StimulusSet

_ROLES = dict.fromkeys(part.role for scale in scales.SCALES.values() for part in scale.parts)
_SCALE = flags.DEFINE_enum("scale", "mini", list(scales.SCALES), "Which networks, and how much.")
_OUT = flags.DEFINE_string("out", "reproduction", "Folder of the results.")
_PLAN = flags.DEFINE_bool("plan", False, "Print the plan, and end.")
_CHECKPOINT = flags.DEFINE_multi_string(
    "checkpoint",
    [],
    f"ROLE=CHECKPOINT, repeatable. Roles: {', '.join(_ROLES)}; and those of --network.",
)
_NETWORK = flags.DEFINE_multi_string(
    "network",
    [],
    "ROLE=FILE.py:FUNCTION or ROLE=MODEL.keras (with MODEL.signal.json beside it), repeatable: an image "
    "network of yours that takes part in claims 1, 3 and 4, under a role that you name. Its checkpoint, if "
    "any: --checkpoint=ROLE=PATH. " + named_network.BUILDER,
)
_LAYERS = flags.DEFINE_multi_string(
    "layers",
    [],
    "ROLE=LAYER,LAYER, repeatable: layers to match, early to late. Without it, the scale's, and all metamer "
    "layers of networks of yours.",
)
_IMAGES = flags.DEFINE_string("images", None, "Folder of images that are matched.")
_FURTHER_IMAGES = flags.DEFINE_string("further_images", None, "Folder of others, for the null distribution.")
_IMAGE_LABELS = flags.DEFINE_string("image_labels", None, "Their classes, as for recognize_metamers.")
_WORDS = flags.DEFINE_string("words", None, "Folder of spoken words that are matched.")
_FURTHER_WORDS = flags.DEFINE_string("further_words", None, "Folder of others, for the null distribution.")
_WORD_LABELS = flags.DEFINE_string("word_labels", None, "Their classes, as for recognize_metamers.")
_NULL_RULE = flags.DEFINE(
    flag_checks.NullRule(),
    "null_rule",
    MAXIMUM,
    f"What rho of a metamer must exceed. {flag_checks.NullRule.MEANING}",
    serializer=flags.ArgumentSerializer(),
)
_STIMULI = flags.DEFINE_integer(
    "stimuli",
    None,
    "Signals of either kind that are drawn to be matched. Without it, the scale's number, and all of "
    "--images and --words. Of your images and words that were not drawn, some serve the null distribution.",
    lower_bound=2,
)
_ITERATIONS = flags.DEFINE_integer(
    "iterations", None, "Steps of every search. Without it, the scale's.", lower_bound=1
)
_JOBS = flags.DEFINE_integer(
    "jobs", None, "Steps at once. Without it, two where there are two cores and no GPU.", lower_bound=1
)
_THREADS = flags.DEFINE_integer(
    "threads",
    None,
    "Of TensorFlow and BLAS in every step, without oneDNN; the folder then keeps the number, since the last "
    "bits depend on it. Without it, a step's share of the cores, and --job_cores with --cluster.",
    lower_bound=1,
)
_PROGRESS = flags.DEFINE_bool("progress", True, "Show a progress bar.")
for _flag in cluster_flags.OF_WORKERS:
    flags.declare_key_flag(_flag.name)


def _by_kind(given: int | None, of_scale: Mapping[str, int]) -> dict[str, int]:
    """What a flag gives for signals of every kind, or else the scale's."""
    return dict(of_scale) if given is None else dict.fromkeys(of_scale, given)


def _noted(iterations: Mapping[str, int]) -> int | dict[str, int]:
    """One number where all kinds have it, as in folders of earlier versions, which so can be gone on with."""
    numbers = set(iterations.values())
    return numbers.pop() if len(numbers) == 1 else dict(iterations)


def main() -> int:
    out = Path(_OUT.value)
    if job_flags.shard() != WHOLE or job_flags.JOB_SCRIPT.value:
        raise mm.InputError("--shard, --job_script: steps need one another; take --cluster to share them")
    if _JOBS.value and cluster_flags.is_used():
        raise mm.InputError("--jobs is of this machine; with --cluster, --workers tells how many at once")
    threads = cluster_flags.begin(out, _THREADS.value)
    if _NETWORK.value or _LAYERS.value:
        binary.import_tensorflow_quietly()
    scale = cast.with_networks(scales.SCALES[_SCALE.value], _NETWORK.value, _CHECKPOINT.value)
    scale = cast.with_layers(scale, _LAYERS.value)
    scale, missing = cast.with_checkpoints(scale, _CHECKPOINT.value)
    if not scale.parts:
        lost = "; ".join(f"{role}: {why}" for role, why in missing.items())
        raise mm.InputError(f"--scale={_SCALE.value}: no network has its weights here ({lost})")
    kinds = list(dict.fromkeys(part.kind for part in scale.parts))
    for kind in kinds:
        if _SCALE.value != "mini" and not _given(kind)[0].value:
            raise mm.InputError(
                f"--scale={_SCALE.value} needs --{_given(kind)[0].name}: a folder of natural signals"
            )
    binary.import_tensorflow_quietly()
    scale = dataclasses.replace(
        scale,
        stimuli=_by_kind(_STIMULI.value, scale.stimuli),
        iterations=_by_kind(_ITERATIONS.value, scale.iterations),
        relu_iterations=_by_kind(_ITERATIONS.value, scale.relu_iterations),
        null_rule=_NULL_RULE.value,
    )
    stimuli = {kind: _stimuli(kind, scale, out) for kind in kinds}
    _print_plan(reproduction.steps.plan(scale, stimuli, out), missing, out)
    if _PLAN.value:
        return 0
    with locks.hold(out):
        ruled = {} if scale.null_rule == MAXIMUM else {"null_rule": scale.null_rule}
        fixed = {} if threads is None else {"threads": threads}
        settings = {"scale": _SCALE.value, "iterations": _noted(scale.iterations), **ruled, **fixed}
        claim_folder(out, settings, every_key=True)
        for kind, of_kind in stimuli.items():
            claim_folder(_folder(kind, out), {"signals": of_kind.source})
            of_kind.prepare()
        run_tasks: RunTasks = _here
        if threads and cluster_flags.is_used():
            run_tasks = _by_workers(scale, stimuli, out, threads)
        tasks, failures = reproduction.steps.run(scale, stimuli, out, run_tasks)
        current = {task.name for task in tasks} - set(failures)
        findings = reproduction.page.findings(scale, out, current)
        page = reproduction.page.write(
            out,
            scale,
            findings,
            current,
            {
                "scale": _SCALE.value,
                "command": shlex.join(
                    ["reproduce_paper", *binary.settings(__name__, ["plan", "progress", "jobs"])]
                ),
                "sources": {kind: of_kind.source for kind, of_kind in stimuli.items()},
                "null_rule": scale.null_rule,
                "missing": missing,
                "failures": list(failures.values()),
                "costs": [
                    (task.name, execution.seconds(task, out)) for task in tasks if task.name in current
                ],
            },
        )
    for failure in failures.values():
        binary.tell(str(failure))
    rows = reproduction.page.rows(findings)
    binary.print_table([list(reproduction.page.COLUMNS), *rows])
    print(f"Look: {page}")
    return int(bool(failures))


def _here(
    tasks: Sequence[execution.Task], out: Path, *, failed: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Runs steps on this machine, as `reproduction.steps.RunTasks`."""
    return execution.run(tasks, out, _jobs(), _PROGRESS.value, failed)


def _by_workers(
    scale: cast.Scale, stimuli: "Mapping[str, StimulusSet]", out: Path, threads: int
) -> "RunTasks":
    """Lets the workers of the flags run steps."""
    drive = cluster_flags.drive(out, threads, _PROGRESS.value)
    sees = [file for part in scale.parts if part.checkpoint or part.builder for file in cast.files_of(part)]
    sees += [path for of_kind in stimuli.values() for path in (of_kind.matched, *of_kind.training)]

    def run_tasks(
        tasks: Sequence[execution.Task], out: Path, *, failed: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        return task_units.run(tasks, out, lambda units, after: drive(units, sees, [out], after=after), failed)

    return run_tasks


def _given(kind: str) -> tuple[flags.FlagHolder, ...]:
    """The flags that name stimuli of a kind: matched ones, further ones, labels."""
    return {
        "image": (_IMAGES, _FURTHER_IMAGES, _IMAGE_LABELS),
        "sound": (_WORDS, _FURTHER_WORDS, _WORD_LABELS),
    }[kind]


def _stimuli(kind: str, scale: cast.Scale, out: Path) -> "StimulusSet":
    """What is matched, of a kind: the user's, those below METAMERS_DATA, or installed ones."""
    makers, folder, count = reproduction.stimuli, _folder(kind, out), scale.stimuli[kind]
    signal = cast.built(next(part for part in scale.parts if part.kind == kind)).signal
    own = [flag.value for flag in _given(kind)]
    if own[0] and _STIMULI.value:
        return reproduction.own_stimuli.some_of_own(signal, *own, folder, count, scale.null_stimuli)
    if own[0]:
        return reproduction.own_stimuli.own(signal, *own)
    data = os.environ.get("METAMERS_DATA")
    if kind == "image":
        if data and (Path(data) / "cifar10").is_dir():
            return makers.cifar10(signal, Path(data) / "cifar10", folder, count, scale.null_stimuli)
        return makers.photographs(signal, folder, count)
    if data and (Path(data) / "speech_commands").is_dir():
        speech = out / "stimuli" / "speech"
        build = functools.partial(_build_speech, Path(data), speech, out)
        training = suite_data.speech_training(speech)
        rate = small_signals.SAMPLE_RATE
        return makers.spoken_words(signal, speech, folder, count, scale.null_stimuli, rate, build, training)
    return makers.synthesised_words(signal, folder, count)


def _folder(kind: str, out: Path) -> Path:
    return out / "stimuli" / {"image": "images", "sound": "words"}[kind]


def _build_speech(data: Path, speech: Path, out: Path) -> None:
    task = suite_data.speech(data, speech)
    task = dataclasses.replace(task, arguments={**task.arguments, "progress": False})
    failures = execution.run([task], out, 1, False)
    if failures:
        raise mm.InputError(failures[task.name])


def _jobs() -> int:
    import tensorflow as tf

    if _JOBS.value:
        return _JOBS.value
    return 1 if tf.config.list_physical_devices("GPU") else min(2, execution.cores())


def _print_plan(tasks: Sequence[execution.Task], missing: Mapping[str, str], out: Path) -> None:
    left = execution.left(tasks, out)
    rows = [["step", "minutes on a core", "MB", ""]]
    for task in tasks:
        done = "" if task in left else "done"
        rows.append([task.name, f"{task.seconds / 60:.1f}", f"{task.bytes / 1e6:.0f}", done])
    binary.print_table(rows)
    for role, why in missing.items():
        print(f"Left out: {role} ({why})")
    at_once = cluster_flags.count() if cluster_flags.is_used() else _jobs()
    cores = at_once if cluster_flags.is_used() else execution.cores()
    minutes = sum(task.seconds for task in left) / 60 / min(at_once, cores)
    size = sum(task.bytes for task in left) / 1e6
    print(
        f"{len(left)} of {len(tasks)} steps to run: about {minutes:.0f} minutes "
        f"with {at_once} at once, {size:.0f} MB below {out}.",
        flush=True,
    )


def run() -> None:
    binary.run(main, tensorflow=False)  # loaded once nothing is to be refused


if __name__ == "__main__":
    run()
