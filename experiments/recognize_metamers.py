"""Lets networks judge metamers and their natural targets: who recognises whose (Figures 5, 6).

  recognize_metamers --metamers=metamers --judges=vgg_19,inception_v3 --labels=labels.csv --out=seen
  recognize_metamers --metamers=seed0,seed1 --judges=mobilenet_v1_025=mobilenet.ckpt \\
      --decision=fine,sixteen --out=seen
  recognize_metamers --metamers=words --judges=word_aliased=a.ckpt --decision=classes \\
      --classes=spoken/choices.txt --out=heard

Every judge gets every metamer of its kind, and every natural target, as it takes signals:
images are cropped to their square and resized, sounds resampled and cut to their middle,
and neither's level is changed. The judges are --judges and the networks that the metamers
were found for, unless --without_self.

A judge is a network of the catalog, NAME or NAME=CHECKPOINT, or FILE.py:FUNCTION or
FILE.py:FUNCTION=CHECKPOINT: that RUNS THE FILE and calls its function, with the checkpoint
if one is given, for a network, such as
--judges=examples/squeezenet.py:network=squeezenet_v1_0.npz. The weights of a network that
metamers were found for are taken from where their records say, if that is on this machine;
a network of one's own, or with weights of a server, is to be named with --judges.

Metamers whose files are not those of their records are refused, and verdicts that different
null distributions gave; make_metamers with the same command mends both.

An answer is right if it is the true class. --labels tells that: a .csv or .tsv table with
columns `stimulus` (or `file`) and `label`, a folder with a folder of files for each class,
or a TFRecord file. Without it, the truth is what the generating network takes the natural
target for, whoever judges; `truth_source` says which. Classes are compared by name, those
of ImageNet's order by index: "crane" and "maillot" stand twice and are called "crane (134)".

--decision, one or several: `fine`, the judge's own classes, words too; `sixteen`, the
highest-ranked class that belongs to one of 16 categories; `sixteen_by_name`, the same with
"Dutch oven" as an oven, as the authors' code had it; `classes`, the highest-ranked class
of those in --classes (draw_stimuli writes the paper's 587 words to `choices.txt`).

Only metamers that met the paper's two conditions count; --criteria says whether on the
file that people are shown, which is judged then, or on the float signal.

Written below --out: `judgements.csv` (a row for each judge, decision, and metamer or
target, also those that do not count, with the reason), `recognition.csv` (a point of a
curve for each judge, decision, generating network and layer, "natural" for the targets:
proportion correct of n; of `total` metamers `passed` the conditions; bootstrapped standard
errors over stimuli, and over stimuli and the seeds of the searches; chance),
`recognition.json` (the same with the settings), and `logits/`, what the judges made of
each, which may be deleted. A run that was stopped continues with the same command to the
same bytes; other decisions or labels in the same --out need no network to look again.

Looking is what takes long, and many processes and machines can share it, 64 pictures or sounds at a time,
to the same bytes as one process with the same --threads: --cluster has workers do it; --shard=0/4 to
--shard=3/4 fill `logits/`, and the command without --shard does the rest; --job_script prints a script for a
cluster's queue.

  recognize_metamers ... --cluster=local --workers=2
  recognize_metamers ... --shard=3/40
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

import model_metamers as mm
from model_metamers import recognition
from model_metamers.catalog import named_network
from model_metamers.catalog.named_network import Named
from model_metamers.execution import driving
from model_metamers.recognition import decisions, generators, judgement, labels, points, presentations
from model_metamers.recognition.judgement import Judgement, Who
from model_metamers.recognition.points import Point
from model_metamers.recognition.presentations import Presentation
from model_metamers.runs.batches import WHOLE, Shard, hold_whole
from model_metamers.storage import locks
from model_metamers.storage.digests import file_digest
from model_metamers.storage.writing import write_json
from model_metamers_experiments import binary, cluster_flags, job_flags

if TYPE_CHECKING:
    from model_metamers.recognition.kept import Block

_DECISIONS = ("fine", "sixteen", "sixteen_by_name", "classes")

flags.adopt_module_key_flags(cluster_flags)
flags.adopt_module_key_flags(job_flags)
_METAMERS = flags.DEFINE_list("metamers", None, "Folders with metamers, at any depth.", required=True)
_JUDGES = flags.DEFINE_list(
    "judges",
    [],
    "Networks that judge, each NAME or NAME=CHECKPOINT, MODEL.keras or MODEL.keras=SIGNAL.json (without, "
    "MODEL.signal.json tells what it is fed); " + named_network.BUILDER,
)
_WITHOUT_SELF = flags.DEFINE_bool("without_self", False, "Only --judges judge.")
_LABELS = flags.DEFINE_string("labels", None, "Table, folder or TFRecord file of the true classes.")
_LABEL_COLUMN = flags.DEFINE_string(
    "label_column",
    None,
    "Of the table. Without it, the first there is of label, class, word, imagenet_index (counted from 0) and "
    "category.",
)
_DECISION = flags.DEFINE_list("decision", ["fine"], f"One or several of {', '.join(_DECISIONS)}.")
_CLASSES = flags.DEFINE_string("classes", None, "Text file with a class a line, for --decision=classes.")
_CRITERIA = flags.DEFINE_enum(
    "criteria",
    "file",
    list(presentations.CRITERIA),
    "Which verdict counts, and what is judged. none: all metamers count, as files.",
)
_BOOTSTRAP = flags.DEFINE_integer("bootstrap", 10000, "Resamples for the standard errors.", lower_bound=2)
_SEED = flags.DEFINE_integer("seed", 0, "Of the resamples.", lower_bound=0)
_OUT = flags.DEFINE_string("out", None, "Folder of the results.", required=True)
_THREADS = flags.DEFINE_integer(
    "threads",
    None,
    "As for make_metamers: the last bits depend on it. Without it, all cores, and 1 with --cluster.",
    lower_bound=1,
)
_PROGRESS = flags.DEFINE_bool("progress", True, "Show progress bars.")


def main() -> int:
    shard = job_flags.shard()
    if script := job_flags.job_script(__name__):
        print(script, end="")
        return 0
    out = Path(_OUT.value)
    threads = cluster_flags.begin(out, _THREADS.value)
    rules = _rules()
    classes = labels.read_labels(_LABELS.value, _LABEL_COLUMN.value) if _LABELS.value else None
    shown = presentations.find(_METAMERS.value, _CRITERIA.value)
    truths = dict(zip(shown, labels.truths(shown, classes), strict=True))
    binary.import_tensorflow_quietly()
    binary.repeatable()
    judges = _judges(shown)
    judged = [recognition.presentations_for(judge, shown) for judge in judges]
    chance = {(recognition.judge_of(j), rule.name): rule.chance(j) for j in judges for rule in rules}
    if shard != WHOLE:
        _look_at_part(shard, judges, judged, out, threads)
        print("This shard is done. Once the others are, the same command without --shard finishes.")
        return 0
    judgements: list[Judgement] = []
    with hold_whole(out):
        blocks = _blocks(judges, judged, out, threads)
        if failed := _look(judges, blocks, out, threads):
            binary.print_table([["not judged", "why"], *map(list, failed.items())])
            print("The same command tries them again; without them nothing else was written.")
            return 1
        for judge, own, cut in zip(judges, judged, blocks, strict=True):
            logits, true = recognition.logits_of(cut, own), [truths[one] for one in own]
            for rule in rules:
                judgements += recognition.judgements(judge, own, true, logits, rule)
        curve = points.of_judgements(judgements, chance, _BOOTSTRAP.value, _SEED.value)
        judgement.write_judgements(out / judgement.FILE, judgements)
        points.write_points(out / points.FILE, curve)
        rows = [point.cells() for point in curve]
        write_json(out / "recognition.json", {"settings": _settings(judges, rules, threads), "points": rows})
    binary.print_table(_table(curve))
    print(f"Written: {out}")
    return 0


def _blocks(
    judges: Iterable[mm.Network], judged: Iterable[Sequence[Presentation]], out: Path, threads: int | None
) -> list[list[Block]]:
    """What each judge is to look at; the folder, which this process holds, is held to the threads."""
    recognition.claim_threads(out, threads)
    return [
        recognition.blocks(judge, own, recognition.kept_folder(out, judge))
        for judge, own in zip(judges, judged, strict=True)
    ]


def _look(
    judges: Mapping[mm.Network, Named], blocks: Sequence[Sequence[Block]], out: Path, threads: int | None
) -> Mapping[str, str]:
    """Has the judges look at all that they did not yet; what failed, by block."""
    if not cluster_flags.is_used() or threads is None:
        driving.do_alone(list(itertools.chain(*blocks)), _PROGRESS.value)
        return {}
    drive = cluster_flags.drive(out, threads, _PROGRESS.value)
    return recognition.look_elsewhere(list(zip(judges.values(), blocks, strict=True)), drive)


def _look_at_part(
    shard: Shard,
    judges: Iterable[mm.Network],
    judged: Iterable[Sequence[Presentation]],
    out: Path,
    threads: int | None,
) -> None:
    """Has the judges look at a part of what they are shown."""
    with locks.hold(out, shard.lock):
        with locks.hold(out, wait=True):  # until nobody works on all of it
            blocks = list(itertools.chain(*_blocks(judges, judged, out, threads)))
        driving.do_alone(blocks[shard.index :: shard.count], _PROGRESS.value)


def _rules() -> list[decisions.Decision]:
    asked = list(dict.fromkeys(_DECISION.value))
    unknown = [name for name in asked if name not in _DECISIONS]
    if unknown or not asked:
        raise mm.InputError(f"--decision={','.join(unknown)}: expected some of {', '.join(_DECISIONS)}")
    if ("classes" in asked) != bool(_CLASSES.value):
        raise mm.InputError("--classes and --decision=classes need one another")
    return [decisions.decision(_class_list() if name == "classes" else name) for name in asked]


def _class_list() -> list[str]:
    path = Path(_CLASSES.value or "")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise mm.InputError(f"{path}: no readable list of classes ({error})") from error
    return [line.strip() for line in lines if line.strip()]


def _judges(shown: Sequence[Presentation]) -> dict[mm.Network, Named]:
    """--judges, then the generating networks that are not among them, and what each is named by."""
    named = [named_network.read_spec(spec) for spec in _JUDGES.value]
    loaded = [named_network.load(*one) for one in named]
    known = [recognition.judge_of(judge) for judge in loaded]
    if len(set(known)) < len(known):
        raise mm.InputError("--judges names a network with the same weights twice")
    judges = dict(zip(loaded, named, strict=True))
    places: dict[Who, list[str | None]] = {}
    for one in () if _WITHOUT_SELF.value else shown:
        places.setdefault(one.generated_by, []).append(one.generator_place)
    for generator, own in places.items():
        if generator not in known:
            network = recognition.load_generator(generator, own)
            judges[network] = Named(*generators.named_by(network.name, network.checkpoint_place))
    if not judges:
        raise mm.InputError("--without_self needs --judges")
    return judges


def _settings(
    judges: Iterable[mm.Network], rules: Sequence[decisions.Decision], threads: int | None
) -> dict[str, Any]:
    """What decides the results, and the digests of what was read."""
    return {
        "metamers": _METAMERS.value,
        "judges": [{"name": judge.name, "checkpoint": judge.checkpoint_digest} for judge in judges],
        "decisions": [rule.name for rule in rules],
        "classes": _class_list() if _CLASSES.value else None,
        "criteria": _CRITERIA.value,
        "labels": _LABELS.value,
        "label_column": _LABEL_COLUMN.value,
        "labels_sha256": _digest(_LABELS.value),
        "bootstrap": _BOOTSTRAP.value,
        "seed": _SEED.value,
        **({"threads": threads} if threads is not None else {}),
    }


def _digest(path: str | None) -> str | None:
    if path is None or not Path(path).is_file():
        return None
    return file_digest(path)


def _table(curve: Sequence[Point]) -> list[list[str]]:
    """The points for the terminal; weights are told where a name has several."""
    everyone = {who for point in curve for who in (point.judge, point.generator)}
    names = [who.name for who in everyone]

    def called(who: Who) -> str:
        return f"{who.name} ({who.short})" if names.count(who.name) > 1 else who.name

    header = ["judge", "decision", "of", "layer", "correct", "sem", "n", "passed", "chance"]
    rows = [
        [
            called(point.judge),
            point.decision,
            f"{called(point.generator)} {point.optimized}",
            point.layer,
            _text(point.proportion),
            _text(point.sem),
            str(point.n),
            f"{point.passed} of {point.total}",
            _text(point.chance),
        ]
        for point in curve
    ]
    return [header, *rows]


def _text(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def run() -> None:
    binary.run(main, tensorflow=False)  # loaded once its threads are set


if __name__ == "__main__":
    run()
