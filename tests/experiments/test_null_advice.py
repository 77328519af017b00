"""What a run with a null distribution of few pairs says at its end."""

import pytest

from model_metamers_experiments import null_advice
from tests.synthesis.test_notebook import null_of


def test_the_command_that_measures_more_is_told():
    told = null_advice.advice(null_of([6]), "lab/net.py:build", "a b.ckpt", ["conv1", "conv2"])
    assert "rest on 6 pairs" in told and "--null=null" in told
    command = "make_null_distribution --network=lab/net.py:build '--checkpoint=a b.ckpt' --layers=conv1,conv2"
    assert f"{command} --inputs=FOLDER --out=null" in told and "\n" not in told


@pytest.mark.parametrize("null", [None, null_of([1000]), null_of([3, 4000])])
def test_nothing_is_said_of_enough_pairs_or_of_none(null):
    assert null_advice.advice(null, "net") is None
    told = null_advice.advice(null_of([6]), "a.keras", None, None, "s.json")
    assert "make_null_distribution --network=a.keras --signal=s.json --inputs=FOLDER" in told
