"""Studies of two networks that simulated observers answered to, without any picture behind them."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from model_metamers.people import plan, simulated
from model_metamers.people.recorded import Recorded, recorded
from model_metamers.people.study import FORMAT, Shown, Study, StudyFolder, Timing, Trial, write_tables
from model_metamers.recognition import judgement
from model_metamers.recognition.judgement import NATURAL, Judgement, Who
from model_metamers.storage.writing import write_bytes, write_table
from tests.builders.studies import CATEGORIES

LAYERS = {"vgg_19_small": ("conv1_2", "conv3_4", "fc8"), "resnet_v2_small": ("conv1", "block3", "logits")}
WEIGHTS = {"vgg_19_small": "sha256:aaaa1111", "resnet_v2_small": "sha256:bbbb2222"}
ACCURACIES = {
    "natural": 0.89,
    "vgg_19_small/conv1_2": 0.91,
    "vgg_19_small/conv3_4": 0.6,
    "vgg_19_small/fc8": 0.1,
    "resnet_v2_small/conv1": 0.9,
    "resnet_v2_small/block3": 0.83,
    "resnet_v2_small/logits": 0.08,
}


def make_answered_study(
    folder: Path,
    layers: Mapping[str, Sequence[str]] = LAYERS,
    weights: Mapping[str, str] = WEIGHTS,
    lists: int = 16,
    trials: int = 10,
    stimuli: int = 576,
    choices: Sequence[str] = CATEGORIES,
    words: bool = False,
    drawn: np.ndarray | None = None,
    **changes,
) -> StudyFolder:
    """A study with one catch trial a list; no list shows a stimulus twice, no two the same pair.

    `drawn` may be main trials of `lists.draw_lists`; `changes` are of its plan.
    """
    place = StudyFolder(folder)
    place.files.mkdir(parents=True)
    networks = [tuple(f"{name}/{layer}" for layer in those) for name, those in layers.items()]
    names = [NATURAL, *(name for conditions in networks for name in conditions)]
    shown: dict[str, Shown] = {"catch": Shown("catch", choices[0], "", "icon")}
    made = []
    for number in range(lists):
        pairs = [
            (name, (trials * row + k + (stimuli // lists) * number) % stimuli)
            for row, name in enumerate(names)
            for k in range(trials)
        ]
        if drawn is not None:
            pairs = [(names[row], int(stimulus)) for row, stimulus in drawn[number]]
        np.random.default_rng(number).shuffle(pairs)
        files = ["catch"]
        for name, stimulus in pairs:
            files.append(f"{names.index(name)}_{stimulus}")
            shown[files[-1]] = _shown(name, int(stimulus), layers, weights, choices, words)
        made.append(
            [Trial(i, "catch" if name == "catch" else "main", name, None) for i, name in enumerate(files)]
        )
    for name in shown:
        write_bytes(place.files / name, b"")
    values = {"contrasts": plan.usual_contrasts(networks), "permutations": 200, **changes}
    digest = plan.write_plan(place.plan, plan.Plan("1", lists, trials, **values))
    timing = None if words else Timing(300.0, 200.0, 200.0, 1500.0)
    study = Study(
        format=FORMAT,
        title="What do people see?",
        task="words" if words else "images",
        protocol="paper",
        choices=tuple(choices),
        layout="typing" if words else "icons",
        timing=timing,
        image_px=None if words else 256,
        pass_marks={},
        breaks=(),
        texts={"consent": "", "instructions": "", "thanks": ""},
        seed=0,
        plan_sha256=digest,
    )
    write_tables(place, study, made, shown)
    return place


def _shown(name, stimulus, layers, weights, choices, words) -> Shown:
    truth, called = choices[stimulus % len(choices)], f"s{stimulus}"
    if name == NATURAL:
        return Shown("natural", truth, name, called, truth_source="labels")
    network, _, layer = name.partition("/")
    return Shown(
        kind="metamer",
        truth=truth,
        condition=name,
        stimulus=called,
        generator=network.partition("=")[0],
        generator_weights=weights[network],
        layer=layer,
        layer_index=list(layers[network]).index(layer) + (words and layers[network][0] != "cochleagram"),
        search_seed=0,
        optimized="waveform" if words else "image",
        relu_gradient="linear",
        settings="iterations=5",
        truth_source="labels",
    )


def simulate(
    place: StudyFolder, accuracies: Mapping[str, float] = ACCURACIES, people: int = 16, seed: int = 0, **sds
):
    """Answers and sessions of simulated observers, called people."""
    observers = simulated.Observers(accuracies, **sds)
    answers, sessions = simulated.answers(
        place.read_study(), place.read_lists(), place.read_answers(), observers, people, seed
    )
    return [[dataclasses.replace(one, simulated=False) for one in many] for many in (answers, sessions)]


def make_recorded(
    folder: Path, accuracies: Mapping[str, float] = ACCURACIES, people=16, seed=0, **kwargs
) -> Recorded:
    """A study and what people answered in it."""
    place = make_answered_study(folder, **kwargs)
    return recorded(place, *simulate(place, accuracies, people, seed))


def write_export(folder: Path, answers, sessions) -> Path:
    """`trials.csv` and `sessions.csv` as the server exports them."""
    folder.mkdir(exist_ok=True)
    for name, many in (("trials.csv", answers), ("sessions.csv", sessions)):
        columns = [field.name for field in dataclasses.fields(many[0])]
        write_table(folder / name, [columns, *([getattr(one, c) for c in columns] for one in many)])
    return folder


def write_own(path: Path, place: StudyFolder, accuracy: float = 0.95, decision: str = "sixteen") -> Path:
    """`judgements.csv` of the generating networks about all that a study shows of them."""
    random, shown = np.random.default_rng(7), place.read_answers()
    networks = dict.fromkeys(Who(o.generator, o.generator_weights) for o in shown.values() if o.generator)
    optimized = next(one.optimized for one in shown.values() if one.optimized)
    judgements = []
    for one in shown.values():
        whos = networks if one.kind == "natural" else [Who(one.generator or "", one.generator_weights or "")]
        for who in whos if one.kind in ("natural", "metamer") else ():
            right = bool(random.random() < accuracy)
            judgements.append(
                Judgement(
                    generator=who,
                    layer=one.layer or NATURAL,
                    layer_index=-1 if one.layer_index is None else one.layer_index,
                    stimulus=one.stimulus,
                    search_seed=one.search_seed,
                    optimized=optimized,
                    relu_gradient=one.relu_gradient or "",
                    settings=one.settings or "",
                    included=True,
                    truth=one.truth,
                    truth_source="labels",
                    judge=who,
                    decision=decision,
                    answer=one.truth if right else "another",
                    correct=right,
                    counted=True,
                    reason="",
                )
            )
    judgement.write_judgements(path, judgements)
    return path
