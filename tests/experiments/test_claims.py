"""What the claims of the paper's reproduction say of known answers."""

import numpy as np
import pytest

from model_metamers.recognition.judgement import NATURAL, Who
from model_metamers_experiments import reproduction
from model_metamers_experiments.reproduction import answers, contrasts
from model_metamers_experiments.reproduction.hypotheses import Above, LessThan, MoreThan
from model_metamers_experiments.reproduction.statements import MARGIN
from tests.builders.answers import (
    ALIASED,
    BOTH,
    NAMES,
    SEED,
    SOUNDS,
    UNTRAINED,
    WORD,
    answered,
    judged,
    judging,
)
from tests.builders.judgements import OTHER, SEED1, VGG, make_judgement

claims, depth_claims = judging(reproduction.claims), judging(reproduction.depth_claims)
HOLDS, FAILS, UNTOLD = contrasts.HOLDS, contrasts.FAILS, contrasts.UNTOLD


def said_of(hypothesis, values):
    (found,) = contrasts.judge([contrasts.Comparison("", hypothesis, np.array(values, float))])
    return found


@pytest.mark.parametrize(
    ("more", "same", "less", "said"),
    [
        (5, 0, 0, HOLDS),  # 2 ** -5
        (4, 0, 0, UNTOLD),
        (5, 100, 0, FAILS),  # there is a difference, but one of 0.1 is ruled out
        (12, 28, 0, HOLDS),
        (12, 25, 3, HOLDS),
        (10, 20, 5, UNTOLD),
        (0, 9, 0, UNTOLD),  # nine that are all alike rule out no difference of 0.1
        (0, 40, 0, FAILS),
        (0, 0, 16, FAILS),
    ],
)
def test_verdict_of_a_difference(more, same, less, said):
    found = said_of(Above(MARGIN), [1] * more + [0] * same + [-1] * less)
    assert found.verdict == said and found.low <= found.value <= found.high


@pytest.mark.parametrize("each", [0.04, 0.02])
def test_one_rule_for_every_number_of_stimuli(each):
    """A small difference, the same in all stimuli: it is never called an effect by more stimuli alone."""
    spread = np.tile([0.3, -0.3], 100) + each
    said = [said_of(Above(MARGIN), spread[:n]).verdict for n in (6, 40, 200)]
    assert said == [UNTOLD, UNTOLD, FAILS]


@pytest.mark.parametrize(
    ("hypothesis", "right", "of", "said"),
    [
        (MoreThan(0.8, 0, 1), 16, 16, HOLDS),  # 0.8 ** 16 is 0.028
        (MoreThan(0.8, 0, 1), 13, 13, UNTOLD),  # 0.8 ** 13 is 0.055
        (MoreThan(0.8, 0, 1), 8, 16, FAILS),
        (LessThan(0.2, 0, 1), 0, 16, HOLDS),
        (LessThan(0.2, 0, 1), 3, 16, UNTOLD),
        (LessThan(0.2, 0, 1), 8, 16, FAILS),
    ],
)
def test_verdict_beside_a_margin(hypothesis, right, of, said):
    found = said_of(hypothesis, np.arange(of) < right)
    assert found.verdict == said
    assert found.sentence == hypothesis.sentences()[(HOLDS, FAILS, UNTOLD).index(said)]


def test_interval_and_detectable_effect_stand_beside_every_verdict():
    few, many = (said_of(Above(MARGIN), np.tile([1.0, 0.0, 0.0, -1.0], n)) for n in (2, 10))
    assert many.detectable < few.detectable and many.high - many.low < few.high - few.low
    assert np.isnan(said_of(Above(MARGIN), [1, 0, 1, 0]).detectable)  # no four stimuli show anything


def test_a_stimulus_is_the_unit():
    """Seeds, judges, layers are averaged within it: 4 stimuli stay 4, however often each was judged."""
    right, wrong = np.ones(4), np.zeros(4)
    rows = [
        row
        for judge in (OTHER, Who("resnet", "1"), Who("resnet_seed1", "2"))
        for seed in range(5)
        for row in answered(judge, VGG, {"a": right, "b": wrong}, search_seed=seed, optimized="image")
    ]
    (found,) = depth_claims.falls_with_depth(rows, rows, ["fine"], depth_claims.other_architecture)
    assert found.value == 1.0 and found.stimuli == 4 and found.p_holds == 1 / 16 and found.verdict == UNTOLD


def test_answers_of_a_stimulus_are_averaged():
    rows = [
        make_judgement(stimulus="s", layer="a", search_seed=seed, judge=judge, correct=correct)
        for seed, judge, correct in ((0, VGG, True), (1, VGG, False), (0, SEED1, True), (1, SEED1, True))
    ]
    assert answers.shares(rows) == {"a": {"s": 0.75}}


def test_early_and_late_shares_are_of_the_same_stimuli():
    """Of ten stimuli the five that are hard have no late metamers: the early share is of the others."""
    hard = np.arange(10) >= 5
    rows = answered(OTHER, VGG, {"a": ~hard, "b": np.ones(10)})
    counted = [row for row in rows if row.layer == "a" or row.stimulus < "s005"]
    (found,) = depth_claims.falls_with_depth(counted, rows, ["fine"], depth_claims.other_architecture)
    assert found.value == 0.0 and found.stimuli == 5 and dict(found.parts) == {"a": 1.0, "b": 1.0}
    assert found.of_all[0] == -0.5 and found.stimuli_of_all == 10


def test_layers_are_compared_with_themselves():
    """A stimulus with one side at one layer and the other side at another tells nothing."""
    seed = judged(WORD, SEED, (1, 1, 1, 1))
    none = judged(WORD, UNTRAINED, (0, 0, 0, 0))
    crossed = [r for r in seed if r.layer != "conv_4"] + [r for r in none if r.layer != "fc"]
    (fifth, _), _ = claims.transfer(crossed, seed + none, {}, 0.05)
    assert fifth.stimuli == 0 and fifth.verdict == UNTOLD and "No stimulus" in fifth.sentence
    both = [r for r in seed if r.layer != "conv_4" or r.stimulus < "s010"] + none
    (fifth, _), _ = claims.transfer(both, seed + none, {}, 0.05)
    assert fifth.stimuli == 40 and fifth.text.startswith("conv_4, fc:")


def test_metamers_that_meet_the_conditions_count_and_all_are_told_beside():
    """In every claim that has both: value and verdict are of those that count; all have theirs beside."""

    def of(seed, untrained, both, sounds):
        pairs = ((SEED, seed), (UNTRAINED, untrained), (BOTH, both), (SOUNDS, sounds))
        return [row for who, share in pairs for row in judged(WORD, who, (1, 1, share, share))]

    def aliasing(reduced, aliased):
        return judged(ALIASED, WORD, (1, 1, reduced, reduced)) + judged(
            WORD, ALIASED, (1, 1, aliased, aliased)
        )

    def ways(waveform, cochleagram):
        return judged(WORD, SEED, (1, 1, waveform, waveform)) + judged(
            WORD, SEED, (1, 1, cochleagram, cochleagram), optimized="cochleagram"
        )

    other = depth_claims.other_architecture
    early, late = (judged(OTHER, VGG, shares) for shares in ((0.9, 1, 1, 0.1), (0.5, 1, 1, 0.5)))
    counted, every = of(1.0, 0.1, 1.0, 0.0), of(0.5, 0.5, 0.5, 0.5)
    fifth, sixth = claims.transfer(counted, every, NAMES, 0.05)
    expected = [
        (depth_claims.falls_with_depth(early, late, ["fine"], other)[0], 0.8, 0.0),
        (fifth[0], 0.9, 0.0),
        (fifth[1], 0.1 - 0.525, 0.5 - 0.525),
        (sixth[0], 1.0, 0.0),
        (sixth[1], 0.0, 0.5),
        (sixth[2], 0.0, 0.0),
        (claims.reduced_aliasing(aliasing(0.8, 0.2), aliasing(0.3, 0.3), ALIASED.name)[0], 0.6, 0.0),
        (claims.cochleagram(ways(0.9, 0.3), ways(0.4, 0.4))[0], 0.6, 0.0),
        (claims.sooner_unrecognisable(counted, every, NAMES)[0], 1 / 3, 0.0),
        (depth_claims.hardly_recognised(early[:], late, {"fine": 0.1}, other)[0], 0.1, 0.5),
    ]
    for found, value, of_all in expected:
        assert found.value == pytest.approx(value), found.text
        assert found.of_all[0] == pytest.approx(of_all), found.text
    assert expected[0][0].verdict == HOLDS and expected[0][0].verdict_of_all == FAILS


def test_late_layers_are_the_later_half():
    """Of five matched layers the last three, of four the last two, of one that one."""
    for count, late in ((5, "c, d, e"), (4, "c, d"), (3, "b, c"), (2, "b"), (1, "a")):
        layers = "abcde"[:count]
        rows = [r for who in (SEED, UNTRAINED) for r in judged(WORD, who, [1] * count, 6, layers)]
        (fifth, _), _ = claims.transfer(rows, rows, {}, 0.05)
        assert fifth.text == f"{late}: another seed's minus the untrained network's"


def test_claims_of_depth_tell_other_architectures_from_other_seeds():
    rows = (
        judged(VGG, VGG, (1, 1, 1, 1))
        + judged(SEED1, VGG, (1, 1, 1, 0.9))
        + judged(OTHER, VGG, (0.9, 1, 1, 0.2))
    )
    (across,) = depth_claims.falls_with_depth(rows, rows, ["fine"], depth_claims.other_architecture)
    assert across.value == pytest.approx(0.7) and across.verdict == HOLDS and across.stimuli == 40
    assert dict(across.parts) == {"pool_0": pytest.approx(0.9), "fc": pytest.approx(0.2)}
    (within,) = depth_claims.falls_with_depth(rows, rows, ["fine"], depth_claims.other_seed)
    assert within.value == pytest.approx(0.1)
    assert depth_claims.falls_with_depth(rows, rows, ["sixteen"], depth_claims.other_seed) == []


def test_depth_is_told_at_the_latest_layer_with_enough_stimuli():
    rows = judged(OTHER, VGG, (1, 1, 0.5, 0))
    few = [row for row in rows if row.layer != "fc" or row.stimulus < "s004"]
    other = depth_claims.other_architecture
    (found,) = depth_claims.falls_with_depth(few, rows, ["fine"], other)
    assert "pool_0 minus conv_4" in found.text and found.value == pytest.approx(0.5)
    (late,) = depth_claims.hardly_recognised(few, rows, {"fine": 0.1}, other)
    assert late.value == pytest.approx(0.5) and late.verdict == FAILS
    none = [row for row in rows if row.layer in ("pool_0", NATURAL) or row.stimulus < "s004"]
    (found,) = depth_claims.falls_with_depth(none, rows, ["fine"], other)
    assert found.verdict == UNTOLD and found.sentence == "Only one layer's metamers count."


@pytest.mark.parametrize(
    ("untrained", "both", "sounds", "fifth", "sixth"),
    [
        (0.1, 0.9, 0.0, [HOLDS, HOLDS], [HOLDS, HOLDS, HOLDS]),
        (0.9, 0.3, 0.9, [FAILS, FAILS], [FAILS, FAILS, FAILS]),
        (0.5, 0.8, 0.15, [HOLDS, UNTOLD], [HOLDS, UNTOLD, UNTOLD]),
    ],
)
def test_claims_of_tasks(untrained, both, sounds, fifth, sixth):
    rows = judged(WORD, SEED, (1, 1, 0.9, 0.9)) + judged(WORD, UNTRAINED, (1, 1, untrained, untrained))
    rows += judged(WORD, BOTH, (1, 1, both, both)) + judged(WORD, SOUNDS, (1, 1, sounds, sounds))
    found = claims.transfer(rows, rows, NAMES, 0.05)
    assert [f.verdict for f in found[0]] == fifth and [f.verdict for f in found[1]] == sixth


def test_claims_without_their_networks_cannot_be_told():
    rows = judged(WORD, SEED, (1, 1, 1, 1))
    fifth, sixth = claims.transfer(rows, rows, {}, 0.05)
    others = claims.cochleagram(rows, rows) + claims.reduced_aliasing(rows, rows, "")
    others += claims.until_the_top(rows, rows, 0.05) + claims.sooner_unrecognisable(rows, rows, {})
    assert {f.verdict for f in (*fifth, *sixth, *others)} == {UNTOLD}
    assert contrasts.together([]) == UNTOLD


def test_claims_of_aliasing_and_of_the_cochleagram():
    rows = judged(ALIASED, WORD, (1, 1, 0.9, 0.7)) + judged(WORD, ALIASED, (1, 1, 0.4, 0.2))
    rows += judged(WORD, SEED, (1, 1, 1, 1))  # of one architecture: not for claim 7
    (found,) = claims.reduced_aliasing(rows, rows, ALIASED.name)
    assert found.value == pytest.approx(0.5) and found.verdict == HOLDS
    ways = [judged(WORD, SEED, (1, 1, 0.8, 0.8), optimized=way) for way in ("waveform", "cochleagram")]
    (found,) = claims.cochleagram(ways[0] + ways[1], ways[0] + ways[1])
    assert found.value == 0 and found.verdict == FAILS


def test_claim_of_the_cochleagram_needs_one_learning_rate():
    ways = [
        judged(WORD, SEED, (1, 1, share, share), optimized=way, settings=f"iterations=5 learning_rate={rate}")
        for way, share, rate in (("waveform", 0.9, "0.001"), ("cochleagram", 0.1, "0.01"))
    ]
    (found,) = claims.cochleagram(ways[0] + ways[1], ways[0] + ways[1])
    assert found.verdict == UNTOLD and "0.001, 0.01" in found.sentence and found.value == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ((1, 1, 1, 0), [HOLDS, HOLDS, HOLDS, HOLDS]),
        ((1, 0.4, 0.4, 0.9), [HOLDS, FAILS, FAILS, FAILS]),
        ((0.9, 0.85, 0.75, 0.5), [UNTOLD, UNTOLD, UNTOLD, UNTOLD]),
    ],
)
def test_claim_of_the_untrained_network_up_to_the_top(shares, said):
    """Of each convolution nearly as the natural signals are; of the fully connected layer poorly."""
    rows = judged(WORD, UNTRAINED, shares)
    found = claims.until_the_top(rows, rows, 0.05)
    assert [f.verdict for f in found] == said
    assert [f.text.split(":")[0] for f in found] == ["pool_0", "conv_2", "conv_4", "fc"]


def test_claim_of_sooner_is_over_all_convolutions_and_nothing_else():
    rows = judged(WORD, SEED, (1, 1, 0.7, 0)) + judged(WORD, SOUNDS, (1, 0.4, 0.1, 1))
    (found,) = claims.sooner_unrecognisable(rows, rows, NAMES)
    assert found.value == pytest.approx(0.4) and found.verdict == HOLDS


def test_verdicts_together():
    def of(*verdicts):
        return contrasts.together([contrasts.Finding("", 0, 0, 0, verdict) for verdict in verdicts])

    assert of(HOLDS, UNTOLD) == HOLDS
    every = [contrasts.Finding("", 0, 0, 0, verdict) for verdict in (HOLDS, UNTOLD)]
    assert contrasts.together(every, every=True) == contrasts.IN_PART
    assert contrasts.together(every[:1], every=True) == HOLDS
    assert of(HOLDS, FAILS, UNTOLD) == contrasts.IN_PART
    assert of(FAILS) == FAILS
    assert of(UNTOLD) == UNTOLD


def test_people_are_judges_of_no_architecture_and_of_no_seed():
    """What people recognise is not a claim about other networks."""
    person = Who("inception_small", "person:2024")
    rows = judged(person, VGG, (1, 1, 1, 0))
    for related in (depth_claims.other_architecture, depth_claims.other_seed):
        assert depth_claims.falls_with_depth(rows, rows, ["fine"], related) == []
    assert person.kind == "person" and VGG.kind == "network"
