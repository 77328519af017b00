"""Measures rho between unrelated natural signals, which a metamer's rho must exceed.

  make_null_distribution --network=vgg_19 --checkpoint=vgg_19.ckpt --inputs=photos/ --out=null
  make_null_distribution --network=vgg_19_small --inputs=train-0.tfrecord,train-1.tfrecord --out=null

Inputs are files, folders of them, or TFRecord files: of images with TF-slim's keys, or
of sounds (a float list under --sound_key), compressed or not. Copies are left out and
named: with a signal and its copy the largest rho is 1, which no metamer exceeds. A copy is
a file of the same bytes, or a record of the same image or waveform; so are two signals that
are equal once read, or near-copies (sounds whose waveforms correlate by 0.97 at some lag, images
of the same composition whose details correlate by 0.75): their pair is left out. `null.json`
names all of them. The paper took 1,000,000 random pairs of training signals for each layer.

Pairs of one class lie higher than others, and are a share of 1 / classes of all. Where classes are known
(records' own, class folders, --labels), the table and `null.json` tell both kinds: share and maximum.
A metamer must exceed the maximum of all; make_metamers --null_rule has two other rules.

By default (--design=blocks) stimuli are drawn in blocks of 120, and all pairs within a
block are measured: each stimulus runs and is ranked once for 119 pairs. Pairs that share
a stimulus are not independent: the table says how many independent pairs the measured
ones are worth, and within what range their maximum would move. --design=independent is
the paper's, at many times the cost.

Blocks are kept as they are finished, so a run that is stopped continues with the same
command. --shard=0/4 to --shard=3/4 share the work of one folder between processes or
machines; the last one to finish, or the command without --shard, writes `null.npz`, the
same to the bit however the work was divided; --job_script prints a script for a cluster's queue
that does so, and --plan tells before how long it would take. --memory_gb bounds the memory for ranks:
where a block of all layers does not fit, the layers are measured in turn.
"""

from collections.abc import Mapping
from pathlib import Path

from absl import flags

import model_metamers as mm
from model_metamers.catalog import named_network
from model_metamers.criteria import null_design
from model_metamers.recognition.labels import read_labels
from model_metamers.runs import null_blocks, null_planning, null_runs
from model_metamers.runs.folder import NULL
from model_metamers.signals import collection
from model_metamers_experiments import binary, cluster_flags, job_flags, plan_tables

flags.adopt_module_key_flags(cluster_flags)
flags.adopt_module_key_flags(job_flags)
_NETWORK = flags.DEFINE_string("network", None, f"{named_network.NAMES}.", required=True)
_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "As for make_metamers.")
_SIGNAL = flags.DEFINE_string("signal", None, named_network.SIGNAL)
_LAYERS = flags.DEFINE_list("layers", None, "Layers to measure. Without it, all metamer layers.")
_INPUTS = flags.DEFINE_list(
    "inputs", None, "Files, folders, or TFRecord files and folders of them.", required=True
)
_OUT = flags.DEFINE_string("out", None, "Folder of the null distribution.", required=True)
_PAIRS = flags.DEFINE_integer("pairs", 1_000_000, "Pairs of every layer.")
_DESIGN = flags.DEFINE_enum("design", "blocks", null_design.DESIGNS, "Which pairs are taken.")
_BLOCK_SIZE = flags.DEFINE_integer("block_size", 120, "Stimuli of a block.")
_SEED = flags.DEFINE_integer("seed", 0, "Of the draw of stimuli.")
_MEMORY = flags.DEFINE_float("memory_gb", 4.0, "For ranks.", lower_bound=0.01)
_RECORDING = flags.DEFINE_string(
    "recording_pattern",
    None,
    "Regular expression whose first group, searched in a file's name, tells its recording (a speaker, "
    "say); stimuli of one recording are not paired.",
)
_LABELS = flags.DEFINE_string(
    "labels",
    None,
    "True classes of files, as for recognize_metamers. Without it, those that TFRecords tell, or the names "
    "of class folders.",
)
_SOUND_KEY = flags.DEFINE_string("sound_key", "/stimuli/signal", "Of the waveform in TFRecords of sounds.")
_RECORD_RATE = flags.DEFINE_integer("record_rate", None, "Sample rate in TFRecords of sounds, Hz.")
_THREADS = flags.DEFINE_integer(
    "threads",
    None,
    "As for make_metamers: the last bits depend on it. Without it, all cores, and 1 with --cluster.",
    lower_bound=1,
)
_PLAN = flags.DEFINE_bool(
    "plan",
    False,
    "Print what it would take, and end: blocks, time, disk and memory, from a few stimuli that are tried out "
    "on this machine; of several workers with --workers. Writes nothing.",
)
_PROGRESS = flags.DEFINE_bool("progress", True, "Show a progress bar.")


def main() -> int:
    shard = job_flags.shard()
    if script := job_flags.job_script(__name__):
        print(script, end="")
        return 0
    labels = read_labels(_LABELS.value) if _LABELS.value else None
    out = Path(_OUT.value)
    threads = cluster_flags.begin(out, _THREADS.value)
    binary.import_tensorflow_quietly()
    binary.repeatable()
    network = named_network.load(_NETWORK.value, _CHECKPOINT.value, _SIGNAL.value)
    stimuli = collection.find_stimuli(
        _INPUTS.value, network.signal, _RECORDING.value, _SOUND_KEY.value, _RECORD_RATE.value
    )
    if labels is not None:
        stimuli.label(labels)
    run = null_runs.NullRun(
        network=network,
        layers=network.chosen_layers(_LAYERS.value),
        stimuli=stimuli,
        out=out,
        pairs=_PAIRS.value,
        design=_DESIGN.value,
        block_size=_BLOCK_SIZE.value,
        seed=_SEED.value,
        memory_gb=_MEMORY.value,
        threads=threads,
    )
    if _PLAN.value:
        plan_tables.print_null_plan(null_planning.plan(run), job_flags.WORKERS.value or 1)
        return 0
    if cluster_flags.is_used() and threads:
        drive = cluster_flags.drive(out, threads, _PROGRESS.value)
        try:
            null: mm.NullDistribution | None = null_blocks.measure_elsewhere(run, _source(labels), drive)
        except null_blocks.UnmeasuredError as error:
            binary.print_table([["not measured", "why"], *map(list, error.failed.items())])
            print("The same command tries them again; what was measured is kept.")
            return 1
    else:
        null = null_runs.measure(run, shard.index, shard.count, _PROGRESS.value)
    if null is None:
        print(f"This shard is done. {_OUT.value} is complete once the other shards are.")
        return 0
    binary.print_table(_table(null))
    binary.print_table(_upper_end(null))
    print(
        f"Left out: {len(null.copies):,} pairs of copies and near-copies, {len(null.copied_files):,} signals "
        f"with the bytes of another ({run.out / 'null.json'} names them)"
    )
    print(f"Written: {run.out / NULL}")
    return 0


def _source(labels: Mapping[str, str] | None) -> null_blocks.NullSource:
    """What the flags name, for workers."""
    return null_blocks.NullSource(
        network=_NETWORK.value,
        checkpoint=_CHECKPOINT.value,
        signal=_SIGNAL.value,
        inputs=tuple(_INPUTS.value),
        recording=_RECORDING.value,
        sound_key=_SOUND_KEY.value,
        record_rate=_RECORD_RATE.value,
        labels=None if labels is None else tuple(labels.items()),
    )


def _table(null: mm.NullDistribution) -> list[list[str]]:
    rows = [["layer", "pairs", "undefined", "mean", "min", "max", "90 % of max", "worth independent pairs"]]
    for layer, rho in null.layers.items():
        interval = f"{rho.maximum_low:.4f}-{rho.maximum_high:.4f}"
        rows.append(
            [
                layer,
                f"{rho.pairs:,}",
                f"{rho.undefined:,}",
                f"{rho.mean:.4f}",
                f"{rho.minimum:.4f}",
                f"{rho.maximum:.4f}",
                interval if rho.maximum_low == rho.maximum_low else "one block",
                f"{rho.effective_pairs:,.0f}" if rho.effective_pairs == rho.effective_pairs else "unknown",
            ]
        )
    return rows


def _upper_end(null: mm.NullDistribution) -> list[list[str]]:
    """Where the highest rho lie, and those of pairs of one class and of two."""
    rows = [["layer", "99.9 %", "99.99 %", "max", "of one class", "max of one class", "max of two classes"]]
    for layer, rho in null.layers.items():
        values = (rho.quantile_999, rho.quantile_9999, rho.maximum)
        known = rho.same_class_share == rho.same_class_share
        kinds = (rho.same_class_maximum, rho.different_class_maximum)
        rows.append(
            [
                layer,
                *(f"{value:.4f}" for value in values),
                f"{rho.same_class_share:.2%}" if known else "not known",
                *(f"{value:.4f}" if value == value else "" for value in kinds),
            ]
        )
    return rows


def run() -> None:
    binary.run(main, tensorflow=False)  # loaded once its threads are set


if __name__ == "__main__":
    run()
