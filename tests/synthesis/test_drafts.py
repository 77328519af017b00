"""Searches most of which is a draft, in bfloat16 or by a faster front end, and whose end is exact."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

import model_metamers as mm
from model_metamers import runs
from model_metamers.synthesis.search import Search
from tests.networks.test_slim_networks import small_slim_network

# 30 iterations, of which the first 27 are a draft.
BORDER = 27


def config(**changes) -> mm.SynthesisConfig:
    given = {"iterations": 30, "save_every": 9, "log_every": 1, "precision": "bfloat16", **changes}
    return mm.SynthesisConfig(**given)


def saved_states(search: Search, targets: np.ndarray) -> dict:
    states: dict = {}
    last, _ = search.run(targets, save=lambda state: states.__setitem__(state.step, state), progress=False)
    return {**states, "last": last}


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_a_search_is_a_draft_up_to_its_last_tenth(tiny_vgg, small_images, optimizer):
    given = config(optimizer=optimizer)
    states = saved_states(Search(tiny_vgg, "conv2_2", given), small_images)
    exact = Search(tiny_vgg, "conv2_2", dataclasses.replace(given, precision="float32"))
    from_border, _ = exact.run(small_images, state=states[BORDER], progress=False)
    for name, array in states["last"].arrays.items():
        np.testing.assert_array_equal(array, from_border.arrays[name])
    before, _ = exact.run(small_images, state=states[18], progress=False)
    # The losses of one and the same signals, in both precisions.
    np.testing.assert_allclose(states["last"].losses[18], before.losses[18], rtol=0.02)
    assert np.all(states["last"].losses[18] != before.losses[18])


def check_continuing(search: Search, targets: np.ndarray) -> None:
    states = saved_states(search, targets)
    for moment in (13, BORDER - 1, BORDER, BORDER + 1):
        resumed, _ = search.run(targets, state=states[moment], progress=False)
        for name, array in states["last"].arrays.items():
            np.testing.assert_array_equal(array, resumed.arrays[name])


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_continued_before_at_and_after_the_border_it_ends_in_the_same_bits(tiny_vgg, small_images, optimizer):
    check_continuing(Search(tiny_vgg, "conv2_2", config(optimizer=optimizer, save_every=1)), small_images)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
def test_searches_by_the_fast_front_end_are_continued_to_the_same_bits(
    tiny_word_cnn, small_sounds, optimizer, precision
):
    given = config(optimizer=optimizer, save_every=1, precision=precision, frontend="fast")
    check_continuing(Search(tiny_word_cnn, "conv_2", given), small_sounds[:2])


def test_lbfgs_forgets_the_draft_but_not_how_often_it_could_not_go_on(tiny_vgg, small_images):
    search = Search(tiny_vgg, "conv2_2", config(optimizer="lbfgs", save_every=1))
    states = saved_states(search, small_images)
    before, at = states[BORDER - 1].optimizer, states[BORDER].optimizer
    assert before["remembered"].any() and before["value"].any()
    assert not at["remembered"].any() and not at["value"].any() and not at["begun"].any()
    before["restarts"][:] = 3
    search.run(
        small_images, state=states[BORDER - 1], save=lambda s: states.__setitem__(s.step, s), progress=False
    )
    assert np.all(states[BORDER].optimizer["restarts"] >= 3)


def test_it_comes_as_near_as_an_exact_search(tiny_vgg, small_images):
    drafted, exact = (
        mm.synthesize(tiny_vgg, "conv2_2", small_images, config(iterations=100, precision=p), progress=False)
        for p in ("bfloat16", "float32")
    )
    for one, other in zip(drafted, exact, strict=True):
        assert one.loss[-1] < 1.1 * other.loss[-1] < 0.3 * other.loss[0]


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_weights_are_brought_into_bfloat16_once_for_all_steps_of_a_burst(tiny_vgg, small_images, optimizer):
    search = Search(tiny_vgg, "conv2_2", config(optimizer=optimizer))
    (draft, exact), given = search._phases, []
    burst = draft.burst
    search._phases = (draft._replace(burst=lambda *args: given.append(args) or burst(*args)), exact)
    search.run(small_images, progress=False)
    graph = burst.get_concrete_function(*given[0]).graph.as_graph_def()
    loops = (f for f in graph.library.function if "while_body" in f.signature.name)
    (operations,) = (names for f in loops if "Conv2D" in (names := {node.op for node in f.node_def}))
    assert "ReadVariableOp" not in operations


def test_a_run_records_its_draft_and_keeps_its_folder_for_such_runs(tiny_vgg, small_images, tmp_path):
    def run(**changes):
        stimuli = dict(zip("abcd", small_images, strict=True))
        return runs.Run(tiny_vgg, ("conv2_2",), stimuli, {}, tmp_path, config(**changes))

    made = runs.execute([run()], progress=False).made
    assert all(one.record.config.precision == "bfloat16" for one in made)
    record = json.loads((tmp_path / "vgg_tiny" / "conv2_2" / "a" / "metamer.json").read_text())
    assert record["config"]["precision"] == "bfloat16" and "frontend" not in record["config"]
    with pytest.raises(mm.InputError, match="precision=bfloat16 there"):
        runs.execute([run(precision="float32")], progress=False)


def test_a_search_with_folded_kernels_is_another_only_by_rounding_and_says_so(small_images):
    network = small_slim_network("mobilenet")
    network.initialize(0)
    size = network.signal.shape[0]
    images = tf.image.resize(small_images, [size, size]).numpy()
    found = {}
    for batch_norm in ("separate", "folded"):
        given = mm.SynthesisConfig(iterations=20, batch_norm=batch_norm)
        assert given.identity().get("batch_norm") == (batch_norm if batch_norm == "folded" else None)
        found[batch_norm] = Search(network, "Conv2d_1_pointwise", given).run(images, progress=False)[0]
    separate, folded = found["separate"].losses, found["folded"].losses
    assert np.any(separate != folded)
    np.testing.assert_allclose(separate, folded, rtol=0.02)
