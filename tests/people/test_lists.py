"""Lists: balanced, without repeats, and the same for a seed, at the paper's size and at others."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_metamers.errors import InputError
from model_metamers.people.design import Design, check_enough
from model_metamers.people.lists import draw_lists


def design_of(passing: np.ndarray, truths: list[str], by_word: bool = False) -> Design:
    passing = passing.copy()
    passing[0] = True
    conditions = ("natural", *(f"net/{i}" for i in range(1, len(passing))))
    return Design(conditions, tuple(f"s{i}" for i in range(len(truths))), tuple(truths), passing, by_word)


def of_paper(missing: float, seed: int = 0) -> Design:
    """23 conditions, 36 pictures of each of 16 categories."""
    truths = [f"category {i // 36:02d}" for i in range(576)]
    return design_of(np.random.default_rng(seed).random((23, 576)) >= missing, truths)


def counted(lists: np.ndarray, design: Design) -> np.ndarray:
    """How often each pair of condition and stimulus comes, int [conditions, stimuli]."""
    uses = np.zeros(design.passing.shape, int)
    np.add.at(uses, (lists[..., 0], lists[..., 1]), 1)
    return uses


def met(lists: np.ndarray, design: Design) -> np.ndarray:
    """How often each person meets each right answer, int [people, categories]."""
    places = np.array([design.categories.index(truth) for truth in design.truths])
    return np.array([np.bincount(places[own[:, 1]], minlength=len(design.categories)) for own in lists])


@pytest.mark.parametrize("missing", [0.0, 0.08])
def test_sixteen_lists_of_the_papers_size(missing):
    design = of_paper(missing)
    lists = draw_lists(design, 10, 16, np.random.default_rng(0))
    assert lists.shape == (16, 230, 2)
    for own in lists:
        assert (np.bincount(own[:, 0]) == 10).all()
        assert len(set(own[:, 1])) == 230
    assert set(met(lists, design).ravel()) == {14, 15}
    uses = counted(lists, design)
    assert not uses[~design.passing].any() and uses.max() == 1
    assert (uses.reshape(23, 16, 36).sum(axis=2) == 10).all()
    assert set(uses.sum(axis=0)) == {6, 7}
    assert (draw_lists(design, 10, 16, np.random.default_rng(0)) == lists).all()
    assert (draw_lists(design, 10, 16, np.random.default_rng(1)) != lists).any()


def test_words_of_the_papers_size():
    design = design_of(
        np.random.default_rng(0).random((37, 295)) >= 0.08, [f"w{i}" for i in range(295)], by_word=True
    )
    lists = draw_lists(design, 5, 16, np.random.default_rng(0))
    for own in lists:
        assert (np.bincount(own[:, 0]) == 5).all()
        assert len({design.truths[i] for i in own[:, 1]}) == 185
    uses = counted(lists, design)
    assert not uses[~design.passing].any() and uses.max() == 1
    assert set(uses.sum(axis=0)) <= {10, 11}


@st.composite
def sizes(draw):
    """A design whose pairs need not come twice, and how it is drawn."""
    conditions, categories = draw(st.integers(2, 6)), draw(st.integers(1, 5))
    trials, people = draw(st.integers(1, 5)), draw(st.integers(1, 7))
    # As many as a person's trials of a category and a condition's over all people together.
    needed = -(-conditions * trials // categories) + -(-trials * people // categories)
    failing = draw(st.integers(0, 3))
    per_category = needed + failing
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    passing = np.ones((conditions, categories, per_category), bool)
    for row in passing.reshape(-1, per_category):
        row[random.permutation(per_category)[:failing]] = False
    truths = [f"c{i // per_category}" for i in range(categories * per_category)]
    return design_of(passing.reshape(conditions, -1), truths), trials, people, draw(st.integers(0, 99))


@settings(max_examples=60, deadline=None)
@given(sizes())
def test_lists_of_every_size_are_balanced_and_repeat_nothing(size):
    design, trials, people, seed = size
    lists = draw_lists(design, trials, people, np.random.default_rng(seed))
    conditions, categories = len(design.conditions), len(design.categories)
    for own in lists:
        assert (np.bincount(own[:, 0], minlength=conditions) == trials).all()
        assert len(set(own[:, 1])) == len(own)
    assert np.ptp(met(lists, design), axis=1).max() <= 1
    uses = counted(lists, design)
    assert not uses[~design.passing].any() and uses.max() == 1
    by_category = uses.reshape(conditions, categories, -1).sum(axis=2)
    assert np.ptp(by_category, axis=1).max() <= 1


@settings(max_examples=60, deadline=None)
@given(
    st.integers(2, 5),
    st.integers(1, 4),
    st.integers(1, 8),
    st.booleans(),
    st.integers(0, 2**32 - 1),
    st.data(),
)
def test_however_few_pass_lists_are_whole_or_refused(conditions, trials, people, by_word, seed, data):
    random = np.random.default_rng(seed)
    categories = data.draw(st.integers(1, 12))
    stimuli = data.draw(st.integers(categories, 40))
    truths = [f"c{i % categories}" for i in range(stimuli)]
    design = design_of(random.random((conditions, stimuli)) > data.draw(st.floats(0, 0.9)), truths, by_word)
    try:
        lists = draw_lists(design, trials, people, np.random.default_rng(seed))
    except InputError as error:
        assert ("\n" not in str(error) and "too few" in str(error)) or " trials (" in str(error)
        return
    for own in lists:
        assert (np.bincount(own[:, 0], minlength=conditions) == trials).all()
        seen = [design.truths[i] if by_word else i for i in own[:, 1]]
        assert len(set(seen)) == len(seen)
    assert not counted(lists, design)[~design.passing].any()


def test_a_condition_with_few_comes_evenly():
    """18 of 30 pass at most, so that 40 trials show each two or three times, and none before others."""
    truths = [f"c{i % 3}" for i in range(60)]
    passing = np.ones((4, 60), bool)
    passing[3, 18:] = False
    design = design_of(passing, truths)
    uses = counted(draw_lists(design, 5, 8, np.random.default_rng(0)), design)
    assert set(uses[3, :18]) == {2, 3} and uses[:3].max() == 1


def test_several_clips_of_a_word_are_used_alike():
    truths = [f"w{i // 3}" for i in range(36)]
    design = design_of(np.ones((4, 36), bool), truths, by_word=True)
    uses = counted(draw_lists(design, 3, 12, np.random.default_rng(0)), design)
    assert set(uses.ravel()) == {1}


def test_too_few_are_told_with_their_condition():
    passing = np.ones((3, 12), bool)
    passing[2, 2:] = False
    design = design_of(passing, [f"c{i % 3}" for i in range(12)])
    with pytest.raises(InputError, match=r"too few metamers that pass for 3 trials.*net/2 \(2 of 12\)"):
        check_enough(design, 3)
    with pytest.raises(InputError, match=r"12 natural signals for 15 trials \(3 conditions x 5\)"):
        check_enough(design_of(np.ones((3, 12), bool), ["c"] * 12), 5)
    words = design_of(np.ones((3, 12), bool), [f"w{i % 4}" for i in range(12)], by_word=True)
    with pytest.raises(InputError, match=r"4 words for 6 trials"):
        check_enough(words, 2)
