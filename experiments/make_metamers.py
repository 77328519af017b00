"""Finds metamers of images or sounds at layers of a network.

  make_metamers --network=vgg_19_small --inputs=photos/ --out=metamers
  make_metamers --network=word_reduced_aliasing_small --inputs=a.wav,b.wav \\
      --layers=conv_2,logits --iterations=3000 --out=metamers
  make_metamers --network=model.keras --signal=signal.json --layers=conv_1 --inputs=photos/ --out=metamers

A metamer is searched from noise by gradient descent until one layer of the network
responds to it as to the natural signal. It is included when the network gives it the
target's class and Spearman's rho between their activations lies above that of every
pair of unrelated natural signals. Pairs of copies and near-copies are left out, and named in
`null.json`. Two other rules stand beside the paper's (--null_rule); every record, table and page names
the one that was used.

Inputs are image or sound files, folders of them, folders of class folders, or `.npy` arrays
in the network's range. Images are turned as their EXIF data say, laid over white where they
are transparent, cropped to their central square and resized; sounds are resampled, cut to
their middle, and brought to the network's level.

With --optimize=cochleagram the search varies an auditory CNN's cochleagram instead of the
sound (paper 5, Figure S9), from that of the same noise and never below zero. Results are
those of a network "<network>@cochleagram", with a picture and nothing to hear.

Written below --out: `flags.txt` (repeat the run with --flagfile=OUT/flags.txt),
`report.html` (the run in one page, from the first metamers on), and for every metamer a folder
`<network>/<layer>/<stimulus>/` with `metamer.npz` (float32), `metamer.json` (every
number) and `metamer.png` or `metamer.wav`. A run that was stopped continues with the
same command.

--plan tells how long a run would take, before it begins. Many processes and machines can share it:
--shard gives each its part, and --job_script prints a script that has a cluster's queue do so (SLURM,
PBS, SGE or LSF).

  make_metamers ... --plan
  make_metamers ... --shard=3/40
  make_metamers ... --job_script=slurm --workers=40 --walltime=4h > jobs.sh
"""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from absl import flags

import model_metamers as mm
from model_metamers import runs
from model_metamers.catalog import named_network
from model_metamers.catalog.names import CATALOG
from model_metamers.criteria.null_rule import MAXIMUM
from model_metamers.runs.batches import WHOLE
from model_metamers.storage.whole import make_folder
from model_metamers_experiments import (
    binary,
    cluster_flags,
    flag_checks,
    job_flags,
    null_advice,
    plan_tables,
    search_flags,
)

flags.adopt_module_key_flags(cluster_flags)
flags.adopt_module_key_flags(job_flags)
flags.adopt_module_key_flags(search_flags)
_NETWORK = flags.DEFINE_string(
    "network",
    None,
    f"{named_network.NAMES}. The catalog: {', '.join(CATALOG)}; mm.networks() lists those of other packages "
    f"too. {named_network.BUILDER}",
    required=True,
)
_CHECKPOINT = flags.DEFINE_string(
    "checkpoint",
    None,
    "A TF1, TF-slim or TF2 checkpoint, a SavedModel folder, a TF Hub handle, PyTorch's file (of "
    "efficientnet_lite0), or random:SEED for untrained weights. Without it, the weights that ship, were "
    "fetched (fetch_checkpoint), or came with a package.",
)
_SIGNAL = flags.DEFINE_string("signal", None, named_network.SIGNAL)
_LAYERS = flags.DEFINE_list("layers", None, "Layers to match. Without it, all metamer layers of the network.")
_INPUTS = flags.DEFINE_list("inputs", None, "Files or folders of natural signals.", required=True)
_NULL_INPUTS = flags.DEFINE_list(
    "null_inputs",
    [],
    "Further natural signals, unrelated to the inputs and to one another, for the null distribution. More "
    "make the second condition stricter and surer.",
)
_NULL = flags.DEFINE_string(
    "null", None, "Null distribution that make_null_distribution measured, instead of one over the inputs."
)
_NULL_RULE = flags.DEFINE(
    flag_checks.NullRule(),
    "null_rule",
    MAXIMUM,
    f"What rho must exceed. {flag_checks.NullRule.MEANING}",
    serializer=flags.ArgumentSerializer(),
)
_LABELS = flags.DEFINE_string(
    "labels",
    None,
    "True classes of the inputs and null_inputs, as for recognize_metamers; without, those of class folders. "
    "They tell pairs of one class from others in the null distribution.",
)
_OUT = flags.DEFINE_string("out", None, "Folder of the results.", required=True)
_OPTIMIZE = flags.DEFINE_enum(
    "optimize",
    "waveform",
    ["waveform", "cochleagram"],
    "Of sounds: what the search varies. Images are always varied themselves.",
)
_BATCH_SIZE = flags.DEFINE(
    flag_checks.NumberOrAuto(),
    "batch_size",
    8,
    "Stimuli searched together. auto: as many as fit into half of the free memory, at most 32; kept for the "
    "folder, since the last bits of metamers depend on it.",
    serializer=flags.ArgumentSerializer(),
)
_THREADS = flags.DEFINE_integer(
    "threads",
    None,
    "Of TensorFlow and BLAS in every process, without oneDNN. The last bits of metamers depend on it and on "
    "--batch_size, which the folder then keeps; of one number, any processes of a kind of machine make the "
    "same bytes. Without it, all cores, and 1 with --cluster.",
    lower_bound=1,
)
_PLAN = flags.DEFINE_bool(
    "plan",
    False,
    "Print what the run would take, and end: batches, time, disk and memory, from a few steps of each layer "
    "that are tried out on this machine; of several workers with --workers. With --starts or --stop_when, "
    "what it would take at most. Writes nothing below --out.",
)
_RESUME = flags.DEFINE_bool(
    "resume", True, "Continue a run in --out; without, a folder with a run is refused."
)
_SINGLE_FILE = flags.DEFINE_bool(
    "single_file",
    False,
    "Write OUT/report_single_file.html too: the same page with all pictures and sounds inside, to be sent by "
    "mail. Of a run that is done, the same command with --single_file searches nothing again.",
)
_TENSORBOARD_DIR = flags.DEFINE_string(
    "tensorboard_dir",
    None,
    "Folder for what TensorBoard reads of the searches, a run for each stimulus and layer: the loss, rho "
    "every 250 steps of adam and 50 of lbfgs, and some ten times the signal, as an image or a sound. "
    "`tensorboard --logdir=FOLDER` shows them, also meanwhile. Metamers stay the same. Without it, nothing.",
)
_PROGRESS = flags.DEFINE_bool("progress", True, "Show progress bars.")


def main() -> int:
    is_whole = job_flags.shard() == WHOLE
    if script := job_flags.job_script(__name__):
        print(script, end="")
        return 0
    if _TENSORBOARD_DIR.value:
        if cluster_flags.is_used():
            raise mm.InputError(
                "--tensorboard_dir: workers of a cluster write no such files; leave out one of the two"
            )
        make_folder(_TENSORBOARD_DIR.value)
    out = Path(_OUT.value)
    threads = flags.FLAGS.threads = cluster_flags.begin(out, _THREADS.value)  # flags.txt repeats it
    binary.import_tensorflow_quietly()
    binary.repeatable()
    run, inputs = _asked(threads)
    if _PLAN.value:
        from model_metamers.runs import planning

        plan_tables.print_plan(planning.plan(run), job_flags.WORKERS.value or 1)
        return 0
    command = shlex.join(["make_metamers", f"--flagfile={os.path.relpath(run.folder.flags)}"])
    done = runs.execute(
        [run],
        flags=binary.settings(__name__, ["plan"]),
        page=runs.Page(f"Metamers of {run.network.name}", command, _SINGLE_FILE.value) if is_whole else None,
        resume=_RESUME.value,
        progress=_PROGRESS.value,
        elsewhere=_elsewhere(inputs, out, threads) if cluster_flags.is_used() and threads else None,
    )
    _tell(run, done)
    return int(not done.complete)


def _asked(threads: int | None) -> tuple[runs.Run, Mapping[str, Path]]:
    """The run that the flags ask for, and the files of its stimuli by name."""
    from model_metamers.recognition.labels import read_labels
    from model_metamers.runs import null_runs
    from model_metamers.signals import files  # with every decoder of images, which --help need not wait for

    config = search_flags.config()  # refused, if it is, before anything is loaded
    network = named_network.load(_NETWORK.value, _CHECKPOINT.value, _SIGNAL.value)
    inputs = files.find_files(_INPUTS.value, network.signal)
    null_inputs = files.find_files(_NULL_INPUTS.value, network.signal)
    labels = read_labels(_LABELS.value) if _LABELS.value else {}
    classes = {
        **files.class_folders(inputs, _INPUTS.value),
        **files.class_folders(null_inputs, _NULL_INPUTS.value),
        **labels,
    }
    run = runs.Run(
        network=network,
        layers=network.chosen_layers(_LAYERS.value),
        stimuli=files.load_signals(inputs, network.signal),
        null_stimuli=files.load_signals(null_inputs, network.signal),
        out=Path(_OUT.value),
        config=config,
        batch_size=_BATCH_SIZE.value,
        null=null_runs.read(_NULL.value) if _NULL.value else None,
        null_rule=_NULL_RULE.value,
        classes=classes,
        shard=job_flags.shard(),
        threads=threads,
        tensorboard_dir=Path(_TENSORBOARD_DIR.value) if _TENSORBOARD_DIR.value else None,
    )
    return (runs.over_cochleagrams(run) if _OPTIMIZE.value == "cochleagram" else run), inputs


def _tell(run: runs.Run, done: runs.Executed) -> None:
    """Prints what became of a run, and where to look."""
    from model_metamers.runs import verdict_table

    rows = verdict_table.verdict_rows(done.made)
    if len(rows) > 1:
        binary.print_table(rows)
    else:
        print("Nothing fell to this shard: there are fewer batches than shards.")
    if done.nulls == [None]:
        print("No null distribution: it needs two or more natural signals (--null_inputs).")
    given = (_NETWORK.value, _CHECKPOINT.value, _LAYERS.value, _SIGNAL.value)
    if told := null_advice.advice(done.nulls[0], *given):
        print(told)
    if run.shard == WHOLE:
        print(f"Look and listen: {done.page}")
        if _SINGLE_FILE.value:
            megabytes = run.folder.single_page.stat().st_size / 1e6
            print(f"To be sent by mail: {run.folder.single_page} ({megabytes:.1f} MB)")
    else:
        print("This shard is done. Once the others are, the same command without --shard finishes.")


def _elsewhere(inputs: Mapping[str, Path], out: Path, threads: int) -> runs.Elsewhere:
    """The workers that the flags ask for."""
    drive = cluster_flags.drive(out, threads, _PROGRESS.value)
    return runs.Elsewhere(_NETWORK.value, _CHECKPOINT.value, _SIGNAL.value, inputs, drive)


def run() -> None:
    binary.run(main, tensorflow=False)  # loaded once its threads are set


if __name__ == "__main__":
    run()
