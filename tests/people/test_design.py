"""What is shown beside the main trials, in which order, and what is expected of it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_metamers.people import expected, simulated
from model_metamers.people.design import Aside, check_enough, set_aside
from model_metamers.people.lists import draw_lists
from model_metamers.people.plan import Contrast, Plan
from model_metamers.people.trials import in_order
from tests.people.test_lists import design_of, of_paper


def test_at_the_papers_size_main_trials_do_without_what_is_shown_beside_them():
    design = of_paper(0.08)
    aside = set_aside(design, 10, 16, 12, 16, np.random.default_rng(0))
    practised, caught = ([design.truths[i] for _, i in part] for part in (aside.practice, aside.catch))
    assert sorted(practised) == sorted(caught) == list(design.categories)
    assert [row for row, _ in aside.demonstration[:5]] == [0] * 5
    later = [row for row, _ in aside.demonstration[5:]]
    assert later == sorted(later) and (later[0], later[-1], len(set(later))) == (1, 22, 7)
    assert aside.shared == 0 and len(aside.spared) == 16 + 12 + 16
    assert all(design.passing[row, i] for row, i in (*aside.practice, *aside.demonstration, *aside.catch))
    lists = draw_lists(design.without(aside.spared), 10, 16, np.random.default_rng(0))
    uses = np.zeros((23, 576 - 44), int)
    np.add.at(uses, (lists[..., 0], lists[..., 1]), 1)
    assert uses.max() == 1 and set(uses.sum(axis=0)) <= {6, 7}


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 5), st.integers(1, 3), st.booleans(), st.integers(0, 2**32 - 1), st.data())
def test_main_trials_can_always_be_drawn_from_the_rest(conditions, trials, by_word, seed, data):
    random = np.random.default_rng(seed)
    categories, stimuli = data.draw(st.integers(2, 20)), data.draw(st.integers(20, 60))
    truths = [f"c{i}" for i in random.integers(categories, size=stimuli)]
    passing = random.random((conditions, stimuli)) > data.draw(st.floats(0, 0.7))
    design = design_of(passing, truths, by_word)
    try:
        check_enough(design, trials)
    except ValueError:
        return
    few = [data.draw(st.integers(0, 16)) for _ in range(3)]
    aside = set_aside(design, trials, *few, random)
    assert (len(aside.practice), len(aside.demonstration), len(aside.catch)) == tuple(few)
    check_enough(design.without(aside.spared), trials)
    used = {i for _, i in (*aside.practice, *aside.demonstration, *aside.catch)}
    assert set(aside.spared) <= used and aside.shared == len(used - set(aside.spared))


def test_where_nothing_can_be_spared_it_is_said():
    design = design_of(np.ones((2, 4), bool), ["a", "b", "a", "b"])
    aside = set_aside(design, 2, 2, 0, 1, np.random.default_rng(0))
    assert aside.spared == () and aside.shared == 3 and not aside.demonstration
    assert {design.truths[i] for _, i in aside.practice} == {"a", "b"}


def test_trials_are_in_the_order_of_the_screen():
    lists = np.stack([np.stack([np.arange(40) % 4, np.arange(40)], axis=1)] * 3)
    aside = Aside(
        ((0, 50), (0, 51)), ((0, 52), (1, 53), (2, 54)), tuple((0, 60 + i) for i in range(8)), (), 0
    )
    made = in_order(lists, aside, 6, np.random.default_rng(0))
    orders = set()
    for trials in made:
        parts = [trial.part for trial in trials]
        assert parts[:11] == ["headphones"] * 6 + ["practice"] * 2 + ["demonstration"] * 3
        assert [trial.what for trial in trials[8:11]] == list(aside.demonstration)
        main = [trial.what for trial in trials if trial.part == "main"]
        assert sorted(main) == sorted((i % 4, i) for i in range(40))
        orders.add(tuple(main))
        places = [i for i, part in enumerate(parts[11:]) if part == "catch"]
        assert sorted(trial.what for trial in trials if trial.part == "catch") == sorted(aside.catch)
        # One in each of eight stretches of five.
        assert all(6 * i <= place <= 6 * i + 5 for i, place in enumerate(places))
    assert len(orders) == 3


def test_expected_accuracies_are_those_of_2019():
    networks = (
        ("vgg_19_small/conv1_2", "vgg_19_small/conv5_4", "vgg_19_small/fc7"),
        ("own/a", "own/b", "own/c"),
    )
    found = expected.expected(networks, "images", 0.1)
    assert found["natural"] == 0.886 and found["vgg_19_small/conv5_4"] == 0.507
    assert found["vgg_19_small/fc7"] == 0.1  # chance of ten is above 0.089
    assert found["own/a"] == 0.909 and 0.5 < found["own/b"] < 0.9 and found["own/c"] == pytest.approx(0.108)
    words = expected.expected((("word_reduced_aliasing=random:0/conv_2",),), "words", 1 / 587)
    assert words["word_reduced_aliasing=random:0/conv_2"] == 63 / 80


@pytest.mark.parametrize(("people", "planned"), [(16, 0.87), (24, 0.97)])
def test_power_of_the_published_fall_over_one_layer(people, planned):
    """0.788 to 0.541, 5 trials, 0.5 logits between people; another simulation, of t tests, gave these."""
    fall = {"a/x": 0.788, "a/y": 0.541}
    made = Plan("1", people, 5, contrasts=(Contrast("fall", "layer", (tuple(fall),)),))
    design = simulated.design_without_lists(tuple(fall), people, 5)
    found = simulated.power(
        made, design, simulated.Observers(fall, 0.5, 0.0), experiments=400, permutations=200
    )
    assert found[0].power == pytest.approx(planned, abs=0.06)
