"""Lets simulated observers take part in a study through its server, to try it before people come.

  serve_human_experiment --study=study --data=trial_run --allow_simulated
  simulate_human_observers --study=study --url=http://127.0.0.1:8000 --accuracies=0.8 --participants=16
  simulate_human_observers --study=study --url=http://127.0.0.1:8000 --accuracies=curves.csv

They are no people, and are marked so: in the database, every export, and what is made of it. The
server takes them only with --allow_simulated; use a --data of its own.

--accuracies is one proportion for all conditions, or a table with columns `condition`
("natural", or NETWORK/LAYER) and `accuracy`. A main trial is answered rightly with that
probability, and else with another choice, each as likely. Headphone, practice,
demonstration and catch trials are all answered rightly. To answer rightly one must know the
truth, which the server tells nobody: so it is read from --study, the folder that is
served, and this runs where that folder is.

Reaction times are drawn at random, and pictures count as shown for as long as was asked. Observer
number N of a seed always answers alike; one that was stopped goes on where it was.
"""

from __future__ import annotations

import collections
from pathlib import Path

from absl import flags
from tqdm.auto import tqdm

import model_metamers as mm
from model_metamers.execution.lines import as_bar_or_lines
from model_metamers.storage.reading import read_table
from model_metamers_experiments import binary

_STUDY = flags.DEFINE_string("study", None, "The study's folder, which holds the truths.", required=True)
_URL = flags.DEFINE_string("url", None, "Of the server.", required=True)
_ACCURACIES = flags.DEFINE_string("accuracies", None, "A proportion, or a table.", required=True)
_PARTICIPANTS = flags.DEFINE_integer("participants", 16, "How many take part.", 1, 10_000)
_SEED = flags.DEFINE_integer("seed", 0, "Of the answers.")
_PROGRESS = flags.DEFINE_bool("progress", True, "Show a progress bar.")

_COMMENTS = "A simulated observer."


def main() -> None:
    from model_metamers.people import loaded_study, observers

    if not _URL.value.startswith(("http://", "https://")):
        raise mm.InputError(f"--url={_URL.value}: expected http://... or https://...")
    loaded = loaded_study.load(Path(_STUDY.value))
    accuracy = observers.accuracies(loaded, _given())
    ended: collections.Counter[str] = collections.Counter()
    numbers = range(1, _PARTICIPANTS.value + 1)
    for number in tqdm(numbers, desc="simulated observers", disable=not _PROGRESS.value, **as_bar_or_lines()):
        observer = observers.Observer(loaded, accuracy, _SEED.value, number)
        ended[observers.take_part(_URL.value, observer, _COMMENTS)] += 1
    told = ", ".join(f"{count} {how}" for how, count in sorted(ended.items()))
    print(f"Simulated observers: {told}")


def _given() -> float | dict[str, float]:
    """--accuracies, a number or the table's."""
    text = _ACCURACIES.value
    try:
        return float(text)
    except ValueError:
        pass
    _, rows = read_table(text, ("condition", "accuracy"))
    try:
        return {row["condition"]: float(row["accuracy"]) for _, row in rows}
    except ValueError as error:
        raise mm.InputError(f"{text}: column accuracy: expected proportions from 0 to 1 ({error})") from error


def run() -> None:
    binary.run(main, tensorflow=False)


if __name__ == "__main__":
    run()
