"""Experiments of simulated observers at the paper's size, through the whole analysis, 200 times.

Observers are right as often as people were in 2019; they and the pictures differ.
"""

import dataclasses

import numpy as np
import pytest

from model_metamers.people import analysis, own_recognition, plan, simulated
from model_metamers.people.curves_2019 import curves
from model_metamers.people.design import Design
from model_metamers.people.lists import draw_lists
from model_metamers.people.recorded import Recorded, recorded
from tests.builders.answered import make_answered_study, write_own
from tests.builders.studies import CATEGORIES

_NETWORKS = ("vgg_19", "inception_v3", "resnet_v2")
_EXPERIMENTS, _PEOPLE, _TRIALS, _STIMULI = 200, 16, 10, 576


def _accuracies() -> dict[str, float]:
    known = {f"{name}/{layer}": p for name in _NETWORKS for layer, p in curves()[name].layers.items()}
    return {"natural": curves()["vgg_19"].natural, **known}


def _contrasts() -> tuple[plan.Contrast, ...]:
    """The usual ones, and some that people of this number do not always show."""
    names = list(_accuracies())
    networks = [[name for name in names if name.startswith(f"{one}/")] for one in _NETWORKS]
    hard = (
        plan.Contrast("to conv4_4", "layer", (("natural", "vgg_19/conv4_4"),)),
        plan.Contrast("to Mixed_5d", "layer", (("natural", "inception_v3/Mixed_5d"),)),
        plan.Contrast("block3 to block4", "layer", (("resnet_v2/block3", "resnet_v2/block4"),)),
        plan.Contrast("fc6 to fc7", "layer", (("vgg_19/fc6", "vgg_19/fc7"),)),
    )
    return (*plan.usual_contrasts(networks), *hard)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The study, its folder, and what its networks recognise."""
    folder = tmp_path_factory.mktemp("calibration")
    truths = tuple(CATEGORIES[i % 16] for i in range(_STIMULI))
    names = tuple(f"s{i}" for i in range(_STIMULI))
    everything = np.ones([23, _STIMULI], bool)
    design = Design(tuple(_accuracies()), names, truths, everything, False)
    drawn = draw_lists(design, _TRIALS, _PEOPLE, np.random.default_rng(0))
    layers = {name: tuple(curves()[name].layers) for name in _NETWORKS}
    weights = dict.fromkeys(layers, "sha256:aa")
    settings = {"contrasts": _contrasts(), "permutations": 1000}
    place = make_answered_study(folder / "study", layers, weights, drawn=drawn, **settings)
    path = write_own(folder / "judgements.csv", place, 0.955)
    return place, own_recognition.read_own(path, place.read_answers(), "sixteen")


def _experiment(place, seed) -> Recorded:
    observers = simulated.Observers(_accuracies())
    parts = (place.read_study(), place.read_lists(), place.read_answers())
    return recorded(place, *simulated.answers(*parts, observers, _PEOPLE, seed))


@pytest.mark.slow
def test_means_intervals_and_power_are_what_they_say(study):
    place, own = study
    rows, significant = [], []
    for seed in range(_EXPERIMENTS):
        settings = analysis.Settings(per_trial=False, resamples=1000, halvings=10, seed=seed)
        found = analysis.analyse(_experiment(place, seed), None, own, settings)
        rows.append([dataclasses.asdict(one) for one in found.conditions])
        significant.append([one.significant for one in found.tests])
    truth = np.array(list(_accuracies().values()))
    assert [row["name"] for row in rows[0]] == list(_accuracies())

    def column(name) -> np.ndarray:
        return np.array([[row[name] for row in each] for each in rows])

    means = column("proportion")
    bias = means.mean(axis=0) - truth
    print(
        "bias: mean",
        bias.mean(),
        "largest",
        np.abs(bias).max(),
        "SE",
        means.std(axis=0).max() / _EXPERIMENTS**0.5,
    )
    assert abs(bias.mean()) < 0.003 and np.abs(bias).max() < 4 * means.std(axis=0).max() / _EXPERIMENTS**0.5
    ratio = column("sem").mean(axis=0) / means.std(axis=0, ddof=1)
    print("SEM over true standard error:", ratio.mean(), ratio.min(), ratio.max())
    assert 0.95 < ratio.mean() < 1.05
    for low, high in (("low", "high"), ("bootstrap_low", "bootstrap_high"), ("wilson_low", "wilson_high")):
        covered = (column(low) <= truth) & (truth <= column(high))
        print(
            "coverage",
            low,
            covered.mean(),
            "of conditions",
            covered.mean(axis=0).min(),
            covered.mean(axis=0).max(),
        )
        if low == "low":
            assert 0.93 <= covered.mean() <= 0.97
    design = simulated.design_of_lists(place.read_lists(), place.read_answers(), _PEOPLE)
    networks = simulated.Observers(dict.fromkeys(_accuracies(), 0.955), 0.0, 0.0)
    planned = simulated.power(
        found.plan, design, simulated.Observers(_accuracies()), networks, 400, permutations=1000, seed=77
    )
    assert [one.contrast for one in planned] == [one.contrast.name for one in found.tests]
    for one, share in zip(planned, np.mean(significant, axis=0), strict=True):
        print("power", one.contrast, "planned", one.power, "found", share)
        spread = max(one.power * (1 - one.power), 0.01)
        assert abs(share - one.power) < 3.5 * (spread * (1 / 400 + 1 / _EXPERIMENTS)) ** 0.5
