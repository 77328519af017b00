"""Searches that begin with easier hidden ReLUs: leaky, and with bends rounded off."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

import model_metamers as mm
from model_metamers import catalog, gradients, runs
from model_metamers.networks.cochleagram_view import cochleagram_view
from model_metamers.synthesis import easier, lbfgs
from model_metamers.synthesis.easier import Easier
from model_metamers.synthesis.matching import potential_and_gradient
from model_metamers.synthesis.search import Search
from tests.builders.logarithm import null_of

# Of 60 iterations: after which another function is searched.
BORDERS = {"leaky": [6], "rounded": [6, 30]}
SHAPE, UNITS, OUTPUTS = (4, 4, 3), 40, 80


class Bends(mm.Network):
    """Matrices about a ReLU clipped at 6; `clipped` is also a stage of its own."""

    leaks = True

    def __init__(self):
        super().__init__(
            "bends", mm.SignalSpec("image", SHAPE, 0.0, 1.0), ("clipped", "sums", "logits"), ("a",)
        )
        self.checkpoint_digest = "none"
        random = np.random.RandomState(0)
        pixels = int(np.prod(SHAPE))
        self.first = random.normal(0, 8.0 / pixels**0.5, [pixels, UNITS]).astype(np.float32)
        # Half of the units are flat at the noise that searches start from.
        self.biases = (-0.55 * self.first.sum(axis=0)).astype(np.float32)
        self.second = random.normal(0, 1.0, [UNITS, OUTPUTS]).astype(np.float32)

    def forward(self, signals, training=False):
        del training
        flat = tf.reshape(signals, [-1, self.first.shape[0]])
        clipped = mm.Stage(flat @ self.first + self.biases, relu=True, ceiling=6.0)
        sums = mm.Stage(clipped.output @ self.second, relu=True)
        return {"clipped": clipped, "sums": sums, "logits": mm.Stage(sums.output[:, :1])}


TARGETS = np.random.RandomState(1).uniform(0, 1, [3, *SHAPE]).astype(np.float32)


@pytest.fixture(scope="module")
def bends() -> Bends:
    """One for all, which keeps what TensorFlow compiled."""
    return Bends()


def config(**changes) -> mm.SynthesisConfig:
    given = {"iterations": 60, "save_every": 7, "log_every": 1, "optimizer": "lbfgs", "hidden_relu": "leaky"}
    return mm.SynthesisConfig(**{**given, **changes})


def saved_states(search: Search, targets: np.ndarray) -> dict:
    states: dict = {}
    last, _ = search.run(targets, save=lambda state: states.__setitem__(state.step, state), progress=False)
    return {**states, "last": last}


def check_same(one, other):
    for name, array in one.arrays.items():
        np.testing.assert_array_equal(array, other.arrays[name], err_msg=name)


@pytest.mark.parametrize("ceiling", [None, 6.0, 20.0])
def test_it_leaks_only_where_it_is_flat_and_while_it_is_asked_to(ceiling):
    x = tf.constant([-4.0, -1.0, 0.5, 3.0, 7.0, 25.0])
    top = np.inf if ceiling is None else ceiling
    flat = np.clip(x, 0, top)
    with gradients.replaced_relu(Easier(0.1).relu()):
        with gradients.replaced_relu(easier.EXACT.relu()):
            np.testing.assert_array_equal(gradients.clipped_relu(x, ceiling), flat)
        with tf.GradientTape() as tape:
            tape.watch(x)
            value = gradients.clipped_relu(x, ceiling)
    np.testing.assert_allclose(value, flat + 0.1 * (x - flat), rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(value, x), np.where((x > 0) & (x < top), 1, 0.1), rtol=1e-6)
    np.testing.assert_array_equal(gradients.clipped_relu(x, ceiling), flat)


def test_relus_before_the_layer_leak_and_its_own_does_not(bends):
    network, leak = bends, 0.1
    hidden = Easier(leak)
    signals = np.random.RandomState(2).uniform(0, 1, [2, *SHAPE])
    wanted = np.random.RandomState(3).uniform(0, 5, [2, OUTPUTS])

    def outputs(x):
        before = x.reshape(2, -1) @ network.first.astype(np.float64) + network.biases
        hidden = np.clip(before, 0, 6)
        return (hidden + leak * (before - hidden)) @ network.second.astype(np.float64)

    given = (tf.constant(signals, tf.float32), tf.constant(wanted, tf.float32))
    loss, _, _ = potential_and_gradient(network, "sums", "linear", *given, hidden)
    reached = np.maximum(outputs(signals), 0)
    np.testing.assert_allclose(loss, 0.5 * ((reached - wanted) ** 2).sum(axis=1), rtol=1e-5)
    exact, _, _ = potential_and_gradient(network, "sums", "linear", *given)
    assert np.all(np.abs(exact - loss) > 1e-3 * loss)

    # With the ordinary ReLU's gradient, the potential is the loss.
    _, _, gradient = potential_and_gradient(network, "sums", "plain", *given, hidden)
    direction = np.random.RandomState(4).normal(0, 1, signals.shape)
    losses = [
        0.5 * ((np.maximum(outputs(signals + step * direction), 0) - wanted) ** 2).sum(axis=1)
        for step in (1e-6, -1e-6)
    ]
    slopes = (losses[0] - losses[1]) / 2e-6
    np.testing.assert_allclose((gradient.numpy() * direction).sum(axis=(1, 2, 3)), slopes, rtol=1e-3)

    own = [
        potential_and_gradient(network, "clipped", "linear", given[0], tf.ones([2, UNITS]), at)
        for at in (easier.EXACT, hidden)
    ]
    for one, other in zip(*own, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("ceiling", [None, 6.0, 20.0])
@pytest.mark.parametrize("slope", [0.0, 0.1])
def test_rounded_bends_are_parabolas_of_each_signal_s_own_width(ceiling, slope):
    x = np.random.RandomState(0).uniform(-10, 30, [3, 500, 2])
    x[:, :6, 0] = [0.0, 6.0, 20.0, -1.0, 1.0, 5.0]
    width = np.array([0.5, 3.0, 1e-3])

    def one_bend(x):
        w = width[:, None, None]
        return np.where(x < -w, 0.0, np.where(x > w, x, (x + w) ** 2 / (4 * w)))

    def eased(x):
        y = one_bend(x) - (0.0 if ceiling is None else one_bend(x - ceiling))
        return y + slope * (x - y)

    given = tf.constant(x, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(given)
        value = Easier(slope, tf.constant(width[np.newaxis], tf.float32)).relu()(given, ceiling)
    np.testing.assert_allclose(value, eased(x), rtol=1e-5, atol=1e-5)
    slopes = (eased(x + 1e-5) - eased(x - 1e-5)) / 2e-5
    np.testing.assert_allclose(tape.gradient(value, given), slopes, atol=6e-3)  # 1e-5 of a width of 1e-3


def test_signals_may_have_several_rows_each_and_bends_no_width():
    x = tf.constant(np.random.RandomState(0).normal(0, 1, [6, 5]), tf.float32)
    widths = tf.constant([[0.7, 0.0]])
    split = Easier(0.0, widths).relu()(x, None)
    np.testing.assert_array_equal(
        split, tf.reshape(Easier(0.0, widths).relu()(tf.reshape(x, [2, 15]), None), [6, 5])
    )
    np.testing.assert_array_equal(split[3:], tf.nn.relu(x[3:]))
    assert np.any(split[:3] != tf.nn.relu(x[:3]))


def test_widths_follow_what_each_target_gives_each_relu(bends, tiny_word_cnn):
    before = TARGETS.reshape(3, -1) @ bends.first + bends.biases
    sums = np.clip(before, 0, 6) @ bends.second
    expected = 0.3 * np.stack([before.std(axis=1), sums.std(axis=1)])
    np.testing.assert_allclose(easier.widths(bends, TARGETS), expected, rtol=1e-5)

    sounds = 0.1 * np.random.RandomState(0).normal(0, 1, [2, *tiny_word_cnn.signal.shape])
    both = easier.widths(tiny_word_cnn, sounds)
    assert len(both) >= 3 and np.all(both > 0)
    for place in range(2):
        alone = easier.widths(tiny_word_cnn, sounds[place : place + 1])
        np.testing.assert_allclose(alone[:, 0], both[:, place], rtol=1e-4)


@pytest.mark.parametrize("hidden_relu", BORDERS)
def test_searches_that_else_end_with_units_without_a_gradient_go_on(hidden_relu, bends):
    """Without it the gradient vanishes while units are flat that the target's are not."""
    found = {}
    for name in ("exact", hidden_relu):
        given = config(iterations=500, hidden_relu=name)
        found[name], _ = Search(bends, "sums", given).run(TARGETS, progress=False)
    exact, eased = (state.losses[-1] for state in found.values())
    assert np.all(exact > 10) and np.all(eased < 0.1 * exact)


@pytest.mark.parametrize("hidden_relu", BORDERS)
def test_continued_before_at_and_after_the_borders_it_ends_in_the_same_bits(hidden_relu, bends):
    search = Search(bends, "sums", config(save_every=1, hidden_relu=hidden_relu))
    states = saved_states(search, TARGETS)
    for moment in {1, 40, *(border + i for border in BORDERS[hidden_relu] for i in (-1, 0, 1))}:
        check_same(states["last"], search.run(TARGETS, state=states[moment], progress=False)[0])


@pytest.mark.parametrize("hidden_relu", BORDERS)
def test_after_the_last_border_it_is_an_exact_search_that_begins_there(hidden_relu, bends):
    given = config(save_every=1, hidden_relu=hidden_relu)
    states = saved_states(Search(bends, "sums", given), TARGETS)
    for border in BORDERS[hidden_relu]:
        at = states[border].optimizer
        assert states[border - 1].optimizer["begun"].all()
        assert not at["begun"].any() and not at["remembered"].any()
    exact = Search(bends, "sums", dataclasses.replace(given, hidden_relu="exact"))
    check_same(states["last"], exact.run(TARGETS, state=states[border], progress=False)[0])
    fresh = lbfgs.fresh(states[border].signals)
    for name, array in fresh.items():
        np.testing.assert_array_equal(at[name], array, err_msg=name)


@pytest.mark.parametrize("hidden_relu", BORDERS)
def test_how_often_it_could_not_go_on_is_kept_over_the_borders(hidden_relu, bends):
    search = Search(bends, "sums", config(save_every=1, hidden_relu=hidden_relu))
    states = saved_states(search, TARGETS)
    state = states[BORDERS[hidden_relu][0] - 1]
    state.optimizer["restarts"][:] = 3
    assert np.all(search.run(TARGETS, state=state, progress=False)[0].optimizer["restarts"] >= 3)


@pytest.mark.parametrize("hidden_relu", BORDERS)
def test_a_signal_alone_ends_where_it_does_beside_others(hidden_relu, bends):
    search = Search(bends, "sums", config(iterations=30, hidden_relu=hidden_relu))
    together, _ = search.run(TARGETS, progress=False)
    for place in range(len(TARGETS)):
        alone, _ = search.run(TARGETS[place : place + 1], progress=False)
        np.testing.assert_allclose(alone.losses[:10, 0], together.losses[:10, place], rtol=1e-3)


@pytest.mark.parametrize(
    ("iterations", "leaky", "rounded"),
    [(1, 0, 0), (5, 0, 2), (10, 1, 5), (500, 50, 250), (1500, 100, 500), (15000, 100, 500)],
)
def test_how_many_iterations_are_eased(iterations, leaky, rounded):
    for hidden_relu, of_rounded in (("leaky", 0), ("rounded", rounded)):
        given = config(iterations=iterations, hidden_relu=hidden_relu)
        assert (given.leaky_iterations, given.rounded_iterations) == (leaky, of_rounded)
        assert given.eased_iterations == max(leaky, of_rounded)
    assert config(iterations=iterations, hidden_relu="exact").eased_iterations == 0


@pytest.mark.parametrize(("hidden_relu", "borders"), [("leaky", [2, 18]), ("rounded", [2, 10, 18])])
def test_a_draft_begins_eased_too(hidden_relu, borders, tiny_vgg, small_images):
    given = config(iterations=20, precision="bfloat16", save_every=1, hidden_relu=hidden_relu)
    search = Search(tiny_vgg, "conv2_2", given)
    states = saved_states(search, small_images[:2])
    assert [step for step in range(1, 20) if not states[step].optimizer["begun"].any()] == borders
    check_same(states["last"], search.run(small_images[:2], state=states[1], progress=False)[0])


@pytest.mark.parametrize(("hidden_relu", "first"), [("leaky", 150), ("rounded", 550)])
def test_nothing_is_checked_or_compared_while_it_is_eased(hidden_relu, first, bends):
    null = null_of(-1.0, "sums")
    null = dataclasses.replace(null, network="bends")
    given = config(iterations=1000, stop_when="converged", hidden_relu=hidden_relu)
    stopping = Search(bends, "sums", given, null)._stopping
    assert [step for step in range(1001) if stopping.due(step)] == list(range(first, 1000, 50))
    # As losses of the eased network may be, those of the first 100 are lower than all exact ones.
    losses = np.concatenate([np.full(100, 1e-3), np.geomspace(1.0, 0.1, 150)])
    assert not stopping._falls_no_more(losses[100:])


@pytest.mark.parametrize(
    "name",
    [
        *("vgg_19_small", "inception_v3_small", "resnet_v2_small", "mobilenet_v1_025", "efficientnet_lite0"),
        *("word_aliased_small", "word_reduced_aliasing_small", "vggish", "deepspeech"),
    ],
)
def test_every_hidden_relu_of_the_catalogs_networks_can_leak(name, monkeypatch):
    """What `clipped_relu` cannot reach would stay in the graph once that is the identity."""
    network = catalog.build_network(name)
    if network.frontends != ("exact",):
        network = cochleagram_view(network)  # envelopes are cut at zero, too
    assert network.leaks

    def kinds_of_operations() -> set[str]:
        def last(signals):
            stages = network.forward(signals)
            return stages[network.logits_stage].value if network.classes else list(stages.values())[-1].value

        spec = tf.TensorSpec([1, *network.signal.shape], tf.float32)
        graph = tf.function(last, autograph=False).get_concrete_function(spec).graph
        return {operation.type for operation in graph.get_operations()}

    assert kinds_of_operations() & {"Relu", "Relu6"}
    monkeypatch.setattr(gradients, "clipped_relu", lambda x, ceiling=None: x)
    assert not {kind for kind in kinds_of_operations() if "elu" in kind.lower()}


def test_adam_and_networks_whose_relus_cannot_leak_are_refused(monkeypatch):
    with pytest.raises(mm.InputError, match="hidden_relu=leaky: searches by adam do not begin so"):
        config(optimizer="adam")
    network = Bends()
    monkeypatch.setattr(network, "leaks", False)
    with pytest.raises(mm.InputError, match="hidden_relu=leaky: bends does not say that its ReLUs can leak"):
        Search(network, "sums", config())


def test_a_run_records_it_and_keeps_its_folder_for_such_runs(tmp_path, tiny_vgg, small_images):
    def run(**changes):
        stimuli = dict(zip("ab", small_images[:2], strict=True))
        return runs.Run(tiny_vgg, ("conv2_2",), stimuli, {}, tmp_path, config(iterations=20, **changes))

    runs.execute([run()], progress=False)
    record = json.loads((tmp_path / "vgg_tiny" / "conv2_2" / "a" / "metamer.json").read_text())
    assert record["config"]["hidden_relu"] == "leaky"
    with pytest.raises(mm.InputError, match="hidden_relu=leaky there"):
        runs.execute([run(hidden_relu="exact")], progress=False)
    assert "hidden_relu" not in config(hidden_relu="exact").values()
