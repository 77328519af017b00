"""Analyses what people answered in a study, by the study's own plan.

  analyze_human_experiment --study=study --export=export --recognition=seen --out=results
  analyze_human_experiment --study=study --data=data --out=results
  analyze_human_experiment --study=study --export=export --exploratory=changes.json --out=others

--export is a folder that serve_human_experiment exported (`trials.csv`, `sessions.csv`); --data is
its database, which may be in use. Answers to another study are refused, and a plan that was
changed after the study was made.

Who and what does not count is told by the exclusions of `plan.json`, and each is counted.
--exploratory names a JSON file with what is to be otherwise, such as
{"alpha": 0.01, "exclusions": {"least_catch": 0.9}}; every result then bears the word. Simulated
observers do not count beside people; by themselves they do, and every result says so.

For each condition: the mean over people, its standard error over people, Wilson's and
bootstrapped 95 % intervals, and an exact test against chance (Holm). The planned tests are
analyses of variance with permutations: of layers, of networks and layers, and of observers and
layers; the last ones hold people against the networks' own recognition of what each of them
saw, which --recognition tells (a folder of recognize_metamers with the study's metamers, or
its `judgements.csv`). The same tests follow answer by answer, as logistic estimating
equations; --mixed_model adds Bayesian mixed models, which take minutes.

Written to --out: `results.html` and `results.json`, tables (`conditions.csv`, `participants.csv`,
`tests.csv`, `exclusions.csv`, `items.csv`, `confusions.csv`, `counted_trials.csv`, and for R
`per_trial_1.csv` and so on), and, in the form of recognize_metamers, `judgements.csv` and
`recognition.csv`, from which draw_figure --figure=3b, 3d and 4 draw.
"""

from __future__ import annotations

from pathlib import Path

from absl import flags

import model_metamers as mm
from model_metamers.people.study import StudyFolder
from model_metamers.storage import locks
from model_metamers_experiments import binary

_STUDY = flags.DEFINE_string("study", None, "Folder of prepare_human_experiment.", required=True)
_DATA = flags.DEFINE_string("data", None, "Folder of the server's database; or --export.")
_EXPORT = flags.DEFINE_string("export", None, "Folder that the server exported; or --data.")
_RECOGNITION = flags.DEFINE_string(
    "recognition",
    None,
    "Folder of recognize_metamers, or its judgements.csv. Without it, people are not held against networks.",
)
_EXPLORATORY = flags.DEFINE_string(
    "exploratory", None, "JSON file with what of the plan is to be otherwise. Without it, the plan holds."
)
_MIXED_MODEL = flags.DEFINE_bool("mixed_model", False, "Fit Bayesian mixed models too.")
_BOOTSTRAP = flags.DEFINE_integer("bootstrap", 10000, "Resamples for the intervals.", lower_bound=2)
_SEED = flags.DEFINE_integer("seed", 0, "Of permutations, resamples and halvings.", lower_bound=0)
_OUT = flags.DEFINE_string("out", None, "Folder of the results.", required=True)


def main() -> None:
    from model_metamers.people import analysis, as_judgements, own_recognition, plan, recorded, results

    if bool(_DATA.value) == bool(_EXPORT.value):
        raise mm.InputError("expected one of --data and --export")
    folder, out = StudyFolder(Path(_STUDY.value)), Path(_OUT.value)
    study = folder.read_study()
    if _DATA.value:
        answers, sessions = recorded.read_data(Path(_DATA.value), folder)
    else:
        answers, sessions = recorded.read_export(Path(_EXPORT.value or ""), folder.digest())
    all_of_it = recorded.recorded(folder, answers, sessions)
    changed = plan.read_changes(Path(_EXPLORATORY.value), all_of_it.plan) if _EXPLORATORY.value else None
    own = None
    if _RECOGNITION.value:
        preferred = as_judgements.decision(study)
        own = own_recognition.read_own(Path(_RECOGNITION.value), all_of_it.shown, preferred)
    settings = analysis.Settings(mixed_model=_MIXED_MODEL.value, resamples=_BOOTSTRAP.value, seed=_SEED.value)
    found = analysis.analyse(all_of_it, changed, own, settings)
    with locks.hold(out):
        results.write(out, found)
    if found.simulated:
        print("These are simulated observers, not people.")
    if found.exploratory:
        print(f"Exploratory: {'; '.join(found.exploratory)}")
    binary.print_table(results.terminal_rows(found))
    print(f"Written: {out}")


def run() -> None:
    binary.run(
        main, "each file that was written is whole, and the same command starts over", tensorflow=False
    )


if __name__ == "__main__":
    run()
