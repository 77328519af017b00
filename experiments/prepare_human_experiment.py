"""Prepares an experiment in which people look at, or listen to, metamers (Figures 3b, 3d and 4).

  prepare_human_experiment --metamers=vgg_19,inception_v3 --task=images --labels=labels.csv --out=study
  prepare_human_experiment --metamers=words --task=words --labels=words.csv --protocol=turk --out=study
  prepare_human_experiment --metamers=small --task=images --labels=images/ --choices=ten.txt --plan

Conditions are "natural" and every layer of every network below --metamers; name the folders of
layers to leave others out. Metamers of the layer "cochleagram" are the paper's inverted
cochleagrams. Only metamers that met the paper's two conditions are shown.

Every person gets a list: each condition equally often, no picture or word twice, categories of
pictures balanced, and no metamer again before the others of its condition were shown to somebody,
as far as enough pass; where a metamer comes twice, a note says so. The same flags and metamers
give the same study, to the byte.

--protocol=paper: 10 trials of a condition for images, 5 for words; fixation 300, image 200 and
mask 200 ms, 1500 ms to answer; practice with feedback.
--protocol=turk, as the authors' later experiments on the web: 300, 300 and 300 ms, no limit;
practice, a demonstration of natural signals and metamers with a pass mark, catch trials among
the main ones, breaks at quarters, and for words a headphone check.

--choices: what may be answered. For images `sixteen` categories, on icons in the published
order, or a text file with up to 20 choices, one a line, on buttons. For words, which are typed,
the paper's 587, or a file. Labels, as for recognize_metamers, must be among them; for `sixteen`
an ImageNet class may stand for its category.

Written to --out, whole or not at all: `study.json`, `lists.json`, `plan.json` (who is excluded,
the tests, their level, and their power by simulation, before anybody took part), `files/` (the
very pixels and samples that passed, under random names), `left_out.csv` (which metamers take no
part, and why), and `answers.json`, which only its owner may read: keep it on the server.
serve_human_experiment takes it from there; --static=web or jatos writes a copy that needs no
server of this package. --plan shows conditions, trials, people and power, and writes nothing.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

import model_metamers as mm
from model_metamers.people import protocols
from model_metamers.people.conditions import MISSING
from model_metamers.people.static import EXPORTS
from model_metamers.people.study import PROTOCOLS, TASKS, StudyFolder, Timing
from model_metamers.storage.reading import read_text
from model_metamers_experiments import binary

if TYPE_CHECKING:
    from model_metamers.people import preparing

_PRESET = "Without it, the protocol's."
_MOST_PEOPLE, _MOST_TRIALS = 1000, 1000
_LONGEST_TEXT = 100_000  # bytes
_METAMERS = flags.DEFINE_list("metamers", None, "Folders with metamers, at any depth.", required=True)
_TASK = flags.DEFINE_enum("task", None, list(TASKS), "What people do.", required=True)
_LABELS = flags.DEFINE_string(
    "labels", None, "Table, folder or TFRecord file of the true classes.", required=True
)
_LABEL_COLUMN = flags.DEFINE_string(
    "label_column",
    None,
    "Of the table. Without it, the first there is of label, class, word, imagenet_index (counted from 0) and "
    "category.",
)
_OUT = flags.DEFINE_string("out", None, "Folder of the study; must not exist. Needed without --plan.")
_PROTOCOL = flags.DEFINE_enum("protocol", "paper", list(PROTOCOLS), "Where the settings come from.")
_CHOICES = flags.DEFINE_string(
    "choices",
    None,
    "sixteen, or a text file with a choice a line. Without it, sixteen for images, 587 words for words.",
)
_TRIALS = flags.DEFINE_integer(
    "trials_per_condition", None, f"For each person. {_PRESET}", lower_bound=1, upper_bound=_MOST_TRIALS
)
_PARTICIPANTS = flags.DEFINE_integer(
    "participants",
    16,
    "Lists to draw; more people get lists again, evenly.",
    lower_bound=2,
    upper_bound=_MOST_PEOPLE,
)
_CRITERIA = flags.DEFINE_enum(
    "criteria",
    "file",
    ["file", "float"],
    "Whose verdict counts: that on the file, which is shown, or on the floats.",
)
_MISSING = flags.DEFINE_enum(
    "missing",
    "another",
    list(MISSING),
    "What stands in the place of a metamer that did not pass: another's, or its natural signal.",
)
_PRACTICE = flags.DEFINE_integer(
    "practice", None, f"Trials with feedback. {_PRESET}", lower_bound=0, upper_bound=_MOST_TRIALS
)
_DEMONSTRATION = flags.DEFINE_integer(
    "demonstration", None, f"Trials of the demonstration. {_PRESET}", lower_bound=0, upper_bound=_MOST_TRIALS
)
_PASS_MARK = flags.DEFINE_integer(
    "pass_mark",
    None,
    f"Right answers that the demonstration needs; 0 for none. {_PRESET}",
    lower_bound=0,
    upper_bound=_MOST_TRIALS,
)
_CATCH = flags.DEFINE_integer(
    "catch_trials", None, f"Among the main trials. {_PRESET}", lower_bound=0, upper_bound=_MOST_TRIALS
)
_FIXATION = flags.DEFINE_float("fixation_ms", None, f"Of images. {_PRESET}")
_IMAGE = flags.DEFINE_float("image_ms", None, f"Of images. {_PRESET}")
_MASK = flags.DEFINE_float("mask_ms", None, f"Of images. {_PRESET}")
_ANSWER = flags.DEFINE_float("answer_ms", None, f"To answer, of images; 0 for no limit. {_PRESET}")
_TITLE = flags.DEFINE_string("title", None, "Shown to people. Without it, the question that they answer.")
_CONSENT = flags.DEFINE_string(
    "consent",
    None,
    "Text file that people agree to, paragraphs parted by blank lines. Without it, a text that asks to be "
    "replaced.",
)
_SEED = flags.DEFINE_integer("seed", 0, "Of all draws.", lower_bound=0)
_STATIC = flags.DEFINE_enum(
    "static",
    None,
    list(EXPORTS),
    "Write beside --out a copy that needs no server of this package, OUT_web or OUT_jatos. In it the right "
    "answers of practice and of parts with a pass mark can be read.",
)
_PLAN = flags.DEFINE_bool("plan", False, "Show what would be prepared, and write nothing.")
_PROGRESS = flags.DEFINE_bool("progress", True, "Show a progress bar.")


def main() -> int:
    from model_metamers.storage import locks

    if not _PLAN.value and not _OUT.value:
        raise mm.InputError("--out is missing; name a folder for the study, or add --plan to see it first")
    request = _request()
    if _PLAN.value:
        _show(_prepared(request))
        return 0
    out = Path(_OUT.value or "")
    with locks.hold_place(out):
        _prepare_and_write(request, out)
    return 0


def _prepare_and_write(request: preparing.Request, out: Path) -> None:
    from model_metamers.people import page_building, static, study_files
    from model_metamers.storage.whole import check_new

    check_new(out)
    if _STATIC.value:
        check_new(_static_folder(out))
        page_building.ensured_page()
    prepared = _prepared(request)
    _show(prepared)
    print(f"Written: {study_files.write_study(prepared, out)}")
    if _STATIC.value:
        exported = static.export(StudyFolder(out), _STATIC.value, _static_folder(out))
        print(f"Written: {exported.path}; {exported.note}")


def _prepared(request: preparing.Request) -> preparing.Prepared:
    from model_metamers.people import preparing
    from model_metamers.storage import tfrecords

    labels = Path(request.labels)
    if labels.exists() and tfrecords.find_records(labels):
        binary.import_tensorflow_quietly()  # which nothing else here needs
    return preparing.prepare(request, _PROGRESS.value)


def _static_folder(out: Path) -> Path:
    return out.with_name(f"{out.name}_{_STATIC.value}")


def _request() -> preparing.Request:
    """What the flags ask for."""
    from model_metamers.people import choices, preparing

    there, _ = choices.choices(_CHOICES.value, _TASK.value)
    texts = {"consent": _consent(_CONSENT.value)} if _CONSENT.value else {}
    return preparing.Request(
        metamers=tuple(_METAMERS.value),
        labels=_LABELS.value,
        label_column=_LABEL_COLUMN.value,
        choices=_CHOICES.value,
        protocol=_protocol(len(there)),
        participants=_PARTICIPANTS.value,
        criteria=_CRITERIA.value,
        missing=_MISSING.value,
        seed=_SEED.value,
        title=_TITLE.value or "",
        texts=texts,
    )


def _consent(path: str) -> str:
    text = read_text(path, _LONGEST_TEXT).strip()
    if not text:
        raise mm.InputError(f"{path}: is empty; write what people agree to, or leave --consent out")
    return text


def _protocol(choices: int) -> protocols.Protocol:
    """The protocol's settings, with those of the flags in their place."""
    usual = protocols.protocol(_PROTOCOL.value, _TASK.value, choices)
    demonstration = _given(_DEMONSTRATION.value, usual.demonstration)
    mark = _given(_PASS_MARK.value, usual.pass_mark if demonstration else 0)
    return dataclasses.replace(
        usual,
        trials=_given(_TRIALS.value, usual.trials),
        practice=_given(_PRACTICE.value, usual.practice),
        demonstration=demonstration,
        pass_mark=mark or None,
        catch=_given(_CATCH.value, usual.catch),
        timing=_timing(usual.timing),
    )


def _timing(usual: Timing | None) -> Timing | None:
    flagged = {"fixation_ms": _FIXATION, "image_ms": _IMAGE, "mask_ms": _MASK, "answer_ms": _ANSWER}
    given: dict[str, Any] = {name: flag.value for name, flag in flagged.items() if flag.value is not None}
    if usual is None:
        if given:
            raise mm.InputError(f"--{next(iter(given))} is of images; leave it out for words")
        return None
    if given.get("answer_ms") == 0:
        given["answer_ms"] = None
    return dataclasses.replace(usual, **given)


def _given(value: Any, usual: Any) -> Any:
    return usual if value is None else value


def _show(prepared: preparing.Prepared) -> None:
    """Conditions, trials, people and power on the terminal."""
    design, settings, plan = prepared.gathered.design, prepared.request.protocol, prepared.plan
    rows = [["condition", "pass", "trials a person"]]
    rows += [
        [name, f"{passing.sum()} of {len(design.stimuli)}", str(settings.trials)]
        for name, passing in zip(design.conditions, design.passing, strict=True)
    ]
    binary.print_table(rows)
    counts = {part: sum(due.part == part for due in prepared.lists[0]) for part in _PARTS_TOLD}
    told = ", ".join(f"{counts[part]} {name}" for part, name in _PARTS_TOLD.items() if counts[part])
    print(f"{plan.participants} people, each with {sum(counts.values())} trials: {told}")
    print(f"Choices: {len(prepared.choices)} ({prepared.layout})")
    print()
    tests = [["planned test", "people", "power"]]
    tests += [[one.contrast, str(one.participants), f"{one.power:.2f}"] for one in plan.powers]
    binary.print_table(tests)
    if plan.powers:
        print(f"Power at alpha {plan.alpha:g} for all tests together, assumed: {plan.powers[0].assumed}")
    for note in prepared.notes:
        print(f"Note: {note}")


_PARTS_TOLD = {
    "headphones": "of the headphone check",
    "practice": "of practice",
    "demonstration": "of demonstration",
    "main": "main",
    "catch": "catch",
}


def run() -> None:
    binary.run(main, after_stop=binary.STARTS_OVER, tensorflow=False)


if __name__ == "__main__":
    run()
