"""The analyses of variance against statsmodels, textbook forms, t tests and published numbers."""

import json
import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas
import pytest
import scipy.stats
from statsmodels.stats.anova import AnovaRM

from model_metamers.errors import InputError
from model_metamers.people.statistics import anova

_FEW = 20  # permutations, where they do not matter


def _values(shape, seed=0) -> np.ndarray:
    """Proportions of ten, with effects of people and of the last factor."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 1, (shape[0], *[1] * (len(shape) - 1))) + np.linspace(2, -2, shape[-1])
    return random.binomial(10, 1 / (1 + np.exp(-logits - random.normal(0, 0.3, shape)))) / 10


def _long(values, factors) -> pandas.DataFrame:
    index = pandas.MultiIndex.from_product([range(n) for n in values.shape], names=["person", *factors])
    return pandas.DataFrame({"y": values.ravel()}, index).reset_index()


@pytest.mark.parametrize("shape", [(8, 2), (16, 9), (5, 12)])
def test_the_effect_of_layers_is_statsmodels(shape):
    values = _values(shape)
    (found,) = anova.layer_test(values, _FEW)
    expected = AnovaRM(_long(values, ["layer"]), "y", "person", ["layer"]).fit().anova_table.iloc[0]
    assert (found.df1, found.df2) == (expected["Num DF"], expected["Den DF"])
    np.testing.assert_allclose([found.f, found.p], [expected["F Value"], expected["Pr > F"]], rtol=1e-9)


@pytest.mark.parametrize("shape", [(8, 2, 2), (6, 3, 4)])
def test_the_effects_of_networks_and_layers_are_statsmodels(shape):
    values = _values(shape)
    found = anova.network_by_layer_test(values, _FEW)
    long = _long(values, ["network", "layer"])
    expected = AnovaRM(long, "y", "person", ["network", "layer"]).fit().anova_table
    assert [one.name for one in found] == ["network", "layer", "network x layer"]
    for one, (_, row) in zip(found, expected.iterrows(), strict=True):
        assert (one.df1, one.df2) == (row["Num DF"], row["Den DF"])
        np.testing.assert_allclose([one.f, one.p], [row["F Value"], row["Pr > F"]], rtol=1e-8)


def _mixed_by_hand(people, network) -> dict[str, float]:
    """F of a design with one factor between and one within, from deviations of means."""
    y = np.stack([people, network])  # [groups, people, layers]
    groups, n, layers = y.shape
    grand, of_group, of_layer = y.mean(), y.mean(axis=(1, 2)), y.mean(axis=(0, 1))
    of_person, of_cell = y.mean(axis=2), y.mean(axis=1)
    between = n * layers * sum((of_group - grand) ** 2) / (groups - 1)
    persons = layers * ((of_person - of_group[:, None]) ** 2).sum() / (groups * (n - 1))
    within = groups * n * sum((of_layer - grand) ** 2) / (layers - 1)
    both = n * ((of_cell - of_group[:, None] - of_layer + grand) ** 2).sum() / (layers - 1) / (groups - 1)
    residual = y - of_person[..., None] - of_cell[:, None] + of_group[:, None, None]
    error = (residual**2).sum() / (groups * (n - 1) * (layers - 1))
    return {"observer": between / persons, "layer": within / error, "observer x layer": both / error}


@pytest.mark.parametrize("shape", [(8, 2), (16, 9), (5, 12)])
def test_the_effects_of_observers_and_layers_are_the_textbooks(shape):
    people, network = _values(shape, 1), 1 - _values(shape, 2) / 3
    found = {one.name: one.f for one in anova.observer_by_layer_test(people, network, _FEW)}
    assert found == pytest.approx(_mixed_by_hand(people, network), rel=1e-9)


def test_with_two_layers_the_effects_of_the_observer_are_t_tests():
    people, network = _values((12, 2), 1), _values((12, 2), 2)
    observer, _, both = anova.observer_by_layer_test(people, network, _FEW)
    sums = scipy.stats.ttest_ind(people.mean(axis=1), network.mean(axis=1))
    differences = scipy.stats.ttest_ind(np.diff(people)[:, 0], np.diff(network)[:, 0])
    np.testing.assert_allclose([observer.f, both.f], [sums.statistic**2, differences.statistic**2])
    np.testing.assert_allclose([observer.p, both.p], [sums.pvalue, differences.pvalue])


def _box_epsilon(values) -> float:
    """Greenhouse and Geisser's epsilon from the covariances, as textbooks print it."""
    s, k = np.cov(values.T), values.shape[1]
    above = k**2 * (np.diag(s).mean() - s.mean()) ** 2
    return above / ((k - 1) * ((s**2).sum() - 2 * k * (s.mean(axis=1) ** 2).sum() + k**2 * s.mean() ** 2))


@pytest.mark.parametrize("shape", [(8, 3), (16, 9), (30, 5)])
def test_epsilon_is_the_textbooks(shape):
    values = _values(shape)
    (found,) = anova.layer_test(values, _FEW)
    assert found.epsilon == pytest.approx(_box_epsilon(values))
    assert found.p_gg == pytest.approx(
        scipy.stats.f.sf(found.f, found.df1 * found.epsilon, found.df2 * found.epsilon)
    )
    assert found.partial_eta2 == pytest.approx(found.f * found.df1 / (found.f * found.df1 + found.df2))


def test_permutations_agree_with_f_where_f_is_right():
    random = np.random.default_rng(3)
    values = random.normal(size=(12, 4)) + 0.3 * np.arange(4)
    people, network = random.normal(size=(12, 4)), random.normal(size=(12, 4)) + 0.25 * np.arange(4)
    several = random.normal(size=(12, 2, 3)) + 0.3 * np.array([[0, 1, 2], [2, 1, 0]])
    found = [
        *anova.layer_test(values, 4000),
        *anova.observer_by_layer_test(people, network, 4000),
        *anova.network_by_layer_test(several, 4000),
    ]
    for one in found:
        assert one.p_permutation == pytest.approx(one.p, abs=0.03)


def test_permutations_hold_their_level():
    random = np.random.default_rng(4)
    p = [
        anova.observer_by_layer_test(*random.normal(size=(2, 8, 3)), 200, seed)[2].p_permutation
        for seed in range(200)
    ]
    assert 0.015 < np.mean(np.array(p) <= 0.05) < 0.1  # binomial(200, 0.05): beyond 3 SD


def test_the_same_seed_gives_the_same_and_none_larger_gives_one_of_them():
    values = _values((16, 9))
    assert anova.layer_test(values, 100, 5) == anova.layer_test(values, 100, 5)
    assert anova.layer_test(values, 100)[0].p_permutation == 0.01


def test_what_does_not_vary_has_no_f():
    (found,) = anova.layer_test(np.full([8, 3], 0.3), _FEW)
    assert np.isnan([found.f, found.p, found.p_gg, found.partial_eta2, found.p_permutation]).all()
    (found,) = anova.layer_test(np.tile([0.1, 0.9], (8, 1)), _FEW)
    assert found.f == np.inf and found.p == 0.0


@pytest.mark.parametrize("shape", [(1, 5), (5, 1), (0, 3)])
def test_too_few_are_refused(shape):
    with pytest.raises(InputError, match="at least two people and two conditions"):
        anova.layer_test(np.zeros(shape))


def test_a_missing_value_is_refused():
    with pytest.raises(InputError, match="no answers"):
        anova.layer_test(np.array([[0.1, 0.2], [np.nan, 0.3]]))


_PUBLISHED = {  # F, and partial eta squared, of the authors' tables
    "AudioExperiment1_kell2018": {"observer": (551.9296, 0.93559), "observer x layer": (189.1697, 0.83272)},
    "AudioExperiment1_cochresnet50": {
        "observer": (467.8374, 0.92488),
        "observer x layer": (227.4406, 0.85684),
    },
    "VisionExperiment1_cornet_s": {
        "observer": (424.3749, 0.90994),
        "observer x layer": (293.6448, 0.87487),
    },
    "VisionExperiment1_vgg_19": {
        "observer": (1612.0788, 0.97461),
        "observer x layer": (268.3760, 0.86468),
    },
    "AudioExperiment6_spectemp_filters": {"layer": (515.2883, 0.96444)},
    "VisionExperiment6_hmax_standard": {"layer": (351.8739, 0.94877)},
}
_P_GG = {"AudioExperiment6_spectemp_filters": 3.007e-47, "VisionExperiment6_hmax_standard": 1.0822e-37}


@pytest.mark.skipif("METAMERS_DATA" not in os.environ, reason="METAMERS_DATA is not set")
@pytest.mark.parametrize("experiment", _PUBLISHED)
def test_published_tables_are_reproduced(experiment):
    """Feather et al. 2023: github.com/jenellefeather/model_metamers_pytorch @ f89cdad, MIT."""
    path = Path(os.environ["METAMERS_DATA"]) / "successor_human_data.json"
    if not path.is_file():
        pytest.skip(f"{path.name} is not in METAMERS_DATA")
    data = json.loads(path.read_text())["experiments"][experiment]
    # The file rounds shares of at most 60 trials to six digits.
    shares = np.vectorize(lambda share: float(Fraction(share).limit_denominator(60)))
    people, network = shares(data["human"]), shares(data["network"])
    np.testing.assert_allclose(people, data["human"], atol=5e-7)
    if "layer" in _PUBLISHED[experiment]:
        found = anova.layer_test(people[:, :-1])  # the last layer was left out there
    else:
        found = anova.observer_by_layer_test(people, network)
    effects = {one.name: one for one in found}
    for name, (f, eta2) in _PUBLISHED[experiment].items():
        assert round(effects[name].f, 4) == f
        assert round(effects[name].partial_eta2, 5) == eta2
        assert effects[name].p_permutation == 0.0001
        if experiment in _P_GG:
            assert effects[name].p_gg == pytest.approx(_P_GG[experiment], rel=2e-4)
