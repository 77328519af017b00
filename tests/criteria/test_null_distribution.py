"""Rho of unrelated pairs: exact, in any design, sharded and resumed alike."""

import logging
import math
import re

import numpy as np
import pytest
import scipy.stats

import model_metamers as mm
from model_metamers import InputError
from model_metamers.criteria import null_design
from model_metamers.criteria.null import BINS
from model_metamers.criteria.null_distribution import combine, measure_blocks, rank_correlations
from model_metamers.statistics import ranks
from tests.conftest import make_tiny_vgg


@pytest.fixture(scope="module")
def many_images() -> np.ndarray:
    """Sixty smooth random images."""
    random = np.random.RandomState(0)
    coarse = random.rand(60, 4, 4, 3)
    return np.repeat(np.repeat(coarse, 8, axis=1), 8, axis=2).astype(np.float32)


@pytest.mark.parametrize(
    "kind", ["normal", "relu", "few values", "constant", "signed zeros", "tiny", "one", "empty"]
)
def test_ranks_equal_scipy(kind):
    random = np.random.RandomState(1)
    values = {
        "normal": random.randn(5000),
        "relu": np.maximum(random.randn(5000), 0),
        "few values": random.randint(-3, 4, 5000),
        "constant": np.ones(100),
        "signed zeros": np.array([-0.0, 0.0, 1.0, -1.0, 0.0, -0.0]),
        "tiny": random.randn(1000) * 1e-42,
        "one": np.array([3.0]),
        "empty": np.array([]),
    }[kind].astype(np.float32)
    np.testing.assert_array_equal(ranks.average_ranks(values), scipy.stats.rankdata(values))
    np.testing.assert_array_equal(
        ranks.average_ranks(values.astype(np.float64)), scipy.stats.rankdata(values)
    )


@pytest.mark.parametrize("units", [7, 500, 33000, 100000])
def test_every_pair_equals_scipys_spearmanr(units):
    random = np.random.RandomState(units)
    shared = random.randn(units)
    values = np.maximum(random.randn(33, units) + shared - 0.3, 0).astype(np.float32)  # ties at zero
    table = rank_correlations(np.stack([ranks.average_ranks(v) for v in values]))
    expected = scipy.stats.spearmanr(values, axis=1).statistic  # ranks each row once, not for each pair
    pairs = np.tril_indices(33, -1)  # 528 pairs, 2112 over the four sizes
    np.testing.assert_allclose(table[pairs], expected[pairs], rtol=0, atol=1e-9)


def test_constant_activations_have_no_rho():
    table = rank_correlations(np.stack([np.full(5, 3.0), np.arange(1.0, 6.0)]))
    assert math.isnan(table[0, 1]) and table[1, 1] == pytest.approx(1.0)


def test_a_million_pairs_are_141_blocks_of_120():
    blocks = null_design.make_design("blocks", 50_000, 1_000_000)
    assert len(blocks) == 141 and sum(len(b.pairs) for b in blocks) == 1_006_740
    assert len({int(s) for b in blocks for s in b.stimuli}) == 141 * 120  # each once, while there are enough


@pytest.mark.parametrize("design", null_design.DESIGNS)
def test_no_stimulus_meets_itself_or_its_recording(design):
    recordings = [f"recording {i // 3}" for i in range(90)]
    blocks = null_design.make_design(design, 90, 500, block_size=20, recordings=recordings)
    couples = [tuple(b.stimuli[p]) for b in blocks for p in b.pairs]
    assert all(recordings[a] != recordings[b] for a, b in couples)
    assert all(len(set(b.stimuli)) == len(b.stimuli) for b in blocks)
    if design == "all_pairs":
        assert len(couples) == len({frozenset(c) for c in couples}) == 90 * 89 // 2 - 30 * 3
    elif design == "independent":
        assert len(couples) == 500
        assert all(len(np.unique(b.pairs)) == b.pairs.size for b in blocks)
    else:
        assert 500 <= len(couples) < 500 + 190


def test_designs_repeat_and_differ_by_seed():
    a, b, c = (null_design.make_design("independent", 50, 40, seed=s) for s in (0, 0, 1))
    assert all(np.array_equal(x.stimuli, y.stimuli) for x, y in zip(a, b, strict=True))
    assert not np.array_equal(a[0].stimuli, c[0].stimuli)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("grid", 10, 5), "expected one of blocks"),
        (("blocks", 1, 5), "at least 2"),
        (("blocks", 10, 0), "pairs=0"),
        (("blocks", 10, 5, 120, 0, ["same"] * 10), "one recording"),
        (("blocks", 10, 5, 120, 0, ["a", "b"]), "2 recordings were named for 10"),
    ],
)
def test_impossible_designs_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        null_design.make_design(*arguments)


def test_null_distribution_is_all_pairs_of_scipys_rho(tiny_vgg, small_images):
    null = mm.null_distribution(tiny_vgg, ["conv2_2", "fc8"], small_images, progress=False)
    values = tiny_vgg.activations(small_images, ["conv2_2"])["conv2_2"].numpy().reshape(4, -1)
    expected = [scipy.stats.spearmanr(values[i], values[j]).statistic for i in range(4) for j in range(i)]
    found = null.layers["conv2_2"]
    assert found.pairs == 6 and found.undefined == 0
    assert found.maximum == pytest.approx(max(expected), abs=1e-9) == null.maximum("conv2_2")
    assert found.minimum == pytest.approx(min(expected), abs=1e-9)
    assert found.mean == pytest.approx(np.mean(expected), abs=1e-9)
    np.testing.assert_array_equal(found.counts, np.histogram(expected, BINS)[0])
    assert math.isnan(found.maximum_low)  # one block tells nothing of its own certainty
    with pytest.raises(InputError, match="no layer 'conv1_2'"):
        null.maximum("conv1_2")


def test_shards_in_any_order_give_the_same_bits(tiny_vgg, many_images):
    layers = ("conv1_2", "fc7")
    blocks = null_design.make_design("blocks", 60, 600, block_size=12)
    whole = measure_blocks(tiny_vgg, layers, many_images, blocks, progress=False)
    found = {}
    for shard in (2, 0, 1):
        part = null_design.shard_of(blocks, shard, 3)
        found |= measure_blocks(tiny_vgg, layers, many_images, part, progress=False)
    for index, block in whole.items():
        for layer in layers:
            np.testing.assert_array_equal(block[layer], found[index][layer])
    with pytest.raises(InputError, match="0/3 to 2/3"):
        null_design.shard_of(blocks, 3, 3)


def test_little_memory_measures_layers_in_turn_with_the_same_result(tiny_vgg, many_images):
    blocks = null_design.make_design("all_pairs", 20, 1)
    layers = ("conv1_2", "conv2_2", "fc7")
    need = 20 * 32 * 32 * 3 * 4 / 2**30
    ample = measure_blocks(tiny_vgg, layers, many_images[:20], blocks, progress=False)
    tight = measure_blocks(tiny_vgg, layers, many_images[:20], blocks, memory_gb=1.01 * need, progress=False)
    for layer in layers:
        np.testing.assert_allclose(ample[0][layer], tight[0][layer], atol=1e-6)
    with pytest.raises(InputError, match=r"more than the .* GB allowed"):
        measure_blocks(tiny_vgg, layers, many_images[:20], blocks, memory_gb=0.5 * need, progress=False)


def test_certainty_comes_from_the_blocks(tiny_vgg, many_images):
    blocks = null_design.make_design("blocks", 60, 600, block_size=12)
    found = measure_blocks(tiny_vgg, ["conv2_2"], many_images, blocks, progress=False)
    null = combine(tiny_vgg, "blocks", blocks, [found[b.index] for b in blocks])
    layer = null.layers["conv2_2"]
    maxima = [found[b.index]["conv2_2"].max() for b in blocks]
    assert min(maxima) <= layer.maximum_low <= layer.maximum_high == layer.maximum == max(maxima)
    assert 1 < layer.effective_pairs <= layer.pairs == 660


def test_signals_are_loaded_when_they_are_asked_for(tiny_vgg, many_images):
    class Lazy:
        loaded = 0

        def __len__(self):
            return 10_000

        def __getitem__(self, index):
            self.loaded += 1
            return np.roll(many_images[index % 60], 5 * (index // 60), axis=index % 2)  # hardly two are alike

    lazy = Lazy()
    null = mm.null_distribution(tiny_vgg, ["fc7"], lazy, pairs=100, design="independent", progress=False)
    assert null.layers["fc7"].pairs + len(null.copies) == 100 and lazy.loaded == 240  # two blocks of 120


def test_activations_that_are_no_numbers_are_refused(small_images):
    network = make_tiny_vgg()
    network.weights["vgg_19/fc7/biases"].assign(np.full(8, np.nan))
    with pytest.raises(InputError, match="activations at fc7 are not finite"):
        mm.null_distribution(network, ["fc7"], small_images, progress=False)


@pytest.mark.parametrize("copies", [(3,), (3, 17), (3, 3, 3)])
@pytest.mark.parametrize("design", null_design.DESIGNS)
def test_copies_among_the_signals_have_no_rho_and_are_told(many_images, tiny_vgg, caplog, copies, design):
    given = np.concatenate([many_images[:20], many_images[list(copies)]])
    pairs = math.comb(len(given), 2)
    with caplog.at_level(logging.INFO, "model_metamers"):
        null = mm.null_distribution(tiny_vgg, ["conv1_2"], given, pairs, design=design, progress=False)
    assert null.maximum("conv1_2") < 0.9999
    equal = [(i, j) for i in range(len(given)) for j in range(i) if np.array_equal(given[i], given[j])]
    if design != "independent":  # which pairs are drawn is left to the seed
        assert null.at("conv1_2").undefined == len(equal)
    assert re.search(r"\d pairs of copies have no rho, such as \d+ and 2\d", caplog.text)


def test_independent_pairs_can_be_more_than_there_are():
    blocks = null_design.make_design("independent", 5, pairs=40)
    assert sum(len(block.pairs) for block in blocks) == 40


@pytest.mark.parametrize(
    ("design", "stimuli", "pairs", "recordings", "message"),
    [
        ("independent", 40, 1_000_000, None, "no more than 780 different pairs.*1282 times"),
        ("independent", 2, 1_000_000, None, "no more than 1 different pairs"),
        ("independent", 12, 100, ["a"] * 11 + ["b"], None),
        ("independent", 12, 111, ["a"] * 11 + ["b"], "no more than 11 different pairs"),
        ("independent", 60_000, 500_000, ["a"] * 59_999 + ["b"], "only 59999 are of two recordings"),
        ("blocks", 200_000, 20_000_000, ["a"] * 199_999 + ["b"], "only 199999 are of two recordings"),
        ("blocks", 300, 2000, ["a"] * 299 + ["b"], None),
        ("independent", 450, 1_000_000, None, None),
    ],
)
def test_draws_that_would_hardly_end_are_refused_at_once(design, stimuli, pairs, recordings, message):
    if message is None:
        blocks = null_design.make_design(design, stimuli, pairs, recordings=recordings)
        assert sum(len(block.pairs) for block in blocks) >= pairs
        return
    with pytest.raises(InputError, match=message):
        null_design.make_design(design, stimuli, pairs, recordings=recordings)
