"""Searches whose convolutions are computed by Winograd's algorithm."""

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest

import model_metamers as mm
from model_metamers import runs
from model_metamers.synthesis.footprint import bytes_per_signal
from model_metamers.synthesis.search import Search
from tests.networks.test_winograd import make_wide_vgg

LAYER = "conv3_4"
PROGRAM = """
import numpy as np
import tensorflow as tf
from model_metamers.synthesis.config import SynthesisConfig
from model_metamers.synthesis.search import Search
from tests.networks.test_winograd import make_wide_vgg
from tests.synthesis.test_convolutions import digest

tf.config.experimental.enable_op_determinism()
images = np.random.RandomState(0).uniform(0.0, 1.0, [4, 32, 32, 3]).astype(np.float32)
search = Search(make_wide_vgg(), "conv3_4", SynthesisConfig(iterations=20, convolutions="winograd"))
print(digest(search.run(images, progress=False)[0]))
"""


def config(**changes) -> mm.SynthesisConfig:
    return mm.SynthesisConfig(**{"iterations": 30, "save_every": 1, "convolutions": "winograd", **changes})


def digest(state) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in state.arrays.values())).hexdigest()


@pytest.fixture(scope="module")
def wide_vgg():
    return make_wide_vgg()


@pytest.mark.parametrize(
    ("optimizer", "hidden_relu"), [("adam", "exact"), ("lbfgs", "exact"), ("lbfgs", "leaky")]
)
def test_a_search_ends_where_the_direct_one_ends_within_noise(wide_vgg, small_images, optimizer, hidden_relu):
    length = {"iterations": 100, "log_every": 1}
    winograd, direct = (
        mm.synthesize(
            wide_vgg,
            LAYER,
            small_images,
            config(optimizer=optimizer, hidden_relu=hidden_relu, convolutions=convolutions, **length),
            progress=False,
        )
        for convolutions in ("winograd", "direct")
    )
    alike = 11 if optimizer == "adam" else 3  # of L-BFGS, before a step meets a bend
    for one, other in zip(winograd, direct, strict=True):
        np.testing.assert_allclose(one.loss[:alike], other.loss[:alike], rtol=1e-3)
        # Two searches that differ by rounding go apart once a bend is met, quasi-Newton ones the more.
        np.testing.assert_allclose(one.loss[-1], other.loss[-1], rtol=0.1 if optimizer == "adam" else 0.5)
        assert one.loss[-1] < 0.3 * one.loss[0] and np.any(one.signal != other.signal)


def test_losses_and_criteria_of_the_end_are_computed_directly(wide_vgg, small_images):
    state, _ = Search(wide_vgg, LAYER, config()).run(small_images, progress=False)
    reached, wanted = (wide_vgg.activations(x, [LAYER])[LAYER].numpy() for x in (state.signals, small_images))
    expected = 0.5 * np.sum((reached - wanted) ** 2, axis=(1, 2, 3))
    np.testing.assert_allclose(state.losses[-1], expected, rtol=1e-6)


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_continued_at_any_moment_it_ends_in_the_same_bits(wide_vgg, small_images, optimizer):
    search = Search(wide_vgg, LAYER, config(optimizer=optimizer))
    states: dict = {}
    last, _ = search.run(small_images, save=lambda s: states.__setitem__(s.step, s), progress=False)
    for moment in (1, 13, 29):
        resumed, _ = search.run(small_images, state=states[moment], progress=False)
        for name, array in last.arrays.items():
            np.testing.assert_array_equal(array, resumed.arrays[name])


def test_two_processes_find_the_same_bytes():
    found = {
        subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert len(found) == 1 and len(found.pop().strip()) == 64


def test_a_batch_finds_what_each_signal_by_itself_finds_within_noise(wide_vgg, small_images):
    together, _ = Search(wide_vgg, LAYER, config()).run(small_images, progress=False)
    for i in range(len(small_images)):
        alone, _ = Search(wide_vgg, LAYER, config()).run(small_images[i : i + 1], progress=False)
        np.testing.assert_allclose(together.losses[:, i], alone.losses[:, 0], rtol=0.01)


def test_weights_set_anew_are_those_of_the_next_search(small_images):
    network = make_wide_vgg()
    search = Search(network, LAYER, config(iterations=5))
    search.run(small_images, progress=False)
    network.initialize(1)
    after, _ = search.run(small_images, progress=False)
    direct, _ = Search(network, LAYER, config(iterations=5, convolutions="direct")).run(
        small_images, progress=False
    )
    np.testing.assert_allclose(after.losses, direct.losses, rtol=1e-3)


def test_the_memory_of_a_batch_counts_the_products(wide_vgg):
    direct, winograd = (
        bytes_per_signal(wide_vgg, LAYER, config(convolutions=convolutions))
        for convolutions in ("direct", "winograd")
    )
    assert winograd - direct == 4 * 36 * 16 * (32 + 32)  # of conv2_2


def test_it_stands_in_the_identity_and_in_the_record_only_where_it_is_taken(wide_vgg, small_images, tmp_path):
    assert "convolutions" not in mm.SynthesisConfig().identity()
    assert config().identity()["convolutions"] == config().values()["convolutions"] == "winograd"

    def run(**changes):
        stimuli = dict(zip("abcd", small_images, strict=True))
        return runs.Run(wide_vgg, (LAYER,), stimuli, {}, tmp_path, config(iterations=5, **changes))

    runs.execute([run()], progress=False)
    record = json.loads((tmp_path / "vgg_wide" / LAYER / "a" / "metamer.json").read_text())
    assert record["config"]["convolutions"] == "winograd"
    with pytest.raises(mm.InputError, match="convolutions=winograd there"):
        runs.execute([run(convolutions="direct")], progress=False)
