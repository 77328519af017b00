"""Rho, classes and verdicts."""

import dataclasses
import math

import numpy as np
import pytest
import scipy.stats

import model_metamers as mm
from model_metamers import InputError, criteria
from model_metamers.criteria.null import LayerNull
from tests.conftest import make_tiny_vgg


@pytest.mark.parametrize("size", [5, 1000, 40000])
@pytest.mark.parametrize("ties", [False, True])
def test_spearman_equals_scipy(size, ties):
    random = np.random.RandomState(size)
    a, b = random.randn(2, size).astype(np.float32)
    b = 0.3 * a + b
    if ties:  # as after a ReLU
        a, b = np.maximum(a, 0), np.maximum(b, 0)
    assert mm.spearman(a, b) == pytest.approx(scipy.stats.spearmanr(a, b).statistic, abs=1e-12)


def test_spearman_takes_any_shape_and_sees_monotone_maps():
    a = np.random.RandomState(0).randn(3, 4, 5)
    assert mm.spearman(a, np.exp(a)) == pytest.approx(1.0)
    assert mm.spearman(a, -a) == pytest.approx(-1.0)
    with pytest.raises(InputError, match="equal shapes"):
        mm.spearman(a, a[:2])


def test_constant_activations_have_no_rho():
    assert math.isnan(mm.spearman(np.zeros(9), np.arange(9)))


def test_measure_reads_the_networks_own_activations(tiny_vgg, small_images):
    measured = criteria.measure(tiny_vgg, small_images[0], small_images[1])
    values = tiny_vgg.activations(small_images[:2], ["conv4_4"])["conv4_4"].numpy()
    assert measured.spearman["conv4_4"] == pytest.approx(
        scipy.stats.spearmanr(values[0].ravel(), values[1].ravel()).statistic, abs=1e-9
    )
    labels = tiny_vgg.logits(small_images[:2]).numpy().argmax(axis=1)
    assert (measured.target_label, measured.signal_label) == tuple(labels)
    assert measured.target_class == f"class_{labels[0]}"
    assert criteria.measure(tiny_vgg, small_images[0], small_images[0]).same_class


def _null(network, rho: float) -> mm.NullDistribution:
    found = LayerNull(np.ones(2, int), -0.1, rho, 0.5, 0, math.nan, math.nan, math.nan)
    layers = dict.fromkeys(network.layers, found)
    return mm.NullDistribution(network.name, network.checkpoint_digest, layers, "blocks")


def test_verdict_needs_both_conditions(tiny_vgg, small_images):
    config = mm.SynthesisConfig(iterations=1)
    metamer = mm.synthesize(tiny_vgg, "conv1_2", small_images[0], config, progress=False)
    same = criteria.measure(tiny_vgg, small_images[0], small_images[0])
    other = dataclasses.replace(same, signal_label=same.target_label + 1, signal_class="else")
    perfect = dataclasses.replace(metamer, measurement=same)
    assert mm.check(perfect, _null(tiny_vgg, 0.9)).passes
    wrong_class = mm.check(dataclasses.replace(metamer, measurement=other), _null(tiny_vgg, 0.9))
    assert not wrong_class.passes and wrong_class.above_null and "class else" in wrong_class.reasons[0]
    at_null = mm.check(perfect, _null(tiny_vgg, 1.0))  # the maximum must be exceeded, not met
    assert not at_null.passes and at_null.same_class and "below the null maximum" in at_null.reasons[0]
    undefined = dataclasses.replace(same, spearman={**same.spearman, "conv1_2": math.nan})
    verdict = mm.check(dataclasses.replace(metamer, measurement=undefined), _null(tiny_vgg, 0.9))
    assert not verdict.passes and "not defined" in verdict.reasons[0]


def test_null_without_any_rho_lets_nothing_pass(tiny_vgg, small_images):
    metamer = mm.synthesize(
        tiny_vgg, "conv1_2", small_images[0], mm.SynthesisConfig(iterations=1), progress=False
    )
    verdict = mm.check(metamer, _null(tiny_vgg, math.nan))
    assert not verdict.passes and "constant" in verdict.reasons[-1]


def test_null_of_another_network_is_refused(tiny_vgg, small_images):
    config = mm.SynthesisConfig(iterations=1)
    metamer = mm.synthesize(tiny_vgg, "conv1_2", small_images[0], config, progress=False)
    with pytest.raises(InputError, match="measure one for it"):
        mm.check(metamer, _null(make_tiny_vgg(seed=1), 0.9))
