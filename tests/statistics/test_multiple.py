"""Holm's adjustment against statsmodels."""

import math

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from model_metamers.statistics.multiple import holm


def test_holm_is_statsmodels():
    p = np.random.default_rng(2).random(30) ** 3
    assert holm(p.tolist()) == pytest.approx(multipletests(p, method="holm")[1])


def test_holm_leaves_out_what_is_not_defined():
    adjusted = holm([0.02, math.nan, 0.03])
    assert adjusted[::2] == [0.04, 0.04] and math.isnan(adjusted[1])
    assert holm([]) == []
