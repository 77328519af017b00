"""What the claims of the paper's reproduction say of known answers."""

import numpy as np
import pytest

from model_metamers.recognition.judgement import Who
from model_metamers_experiments.reproduction import claims, contrasts
from model_metamers_experiments.reproduction.statements import STATEMENTS
from tests.builders.judgements import OTHER, SEED1, VGG, make_judgement

LAYERS = ("natural", "early", "middle", "late", "last")
WORD, SEED, BOTH, SOUNDS, UNTRAINED, ALIASED = (
    Who(name, weights)
    for name, weights in (
        ("word_small", "sha256:1"),
        ("word_small_seed1", "sha256:2"),
        ("both_small", "sha256:3"),
        ("sounds_small", "sha256:4"),
        ("word_small", "random:0"),
        ("aliased_small", "sha256:5"),
    )
)


def judged(judge, generator, shares, count=40, optimized="waveform", decision="fine"):
    """Answers of which the given share of each layer, early to late, is right."""
    return [
        make_judgement(
            judge=judge,
            generator=generator,
            layer=layer,
            layer_index=index,
            stimulus=f"s{i:02d}",
            optimized=optimized,
            decision=decision,
            correct=i < round(share * count),
        )
        for index, (layer, share) in enumerate(zip(LAYERS, (1.0, *shares), strict=True), -1)
        for i in range(count)
    ]


@pytest.mark.parametrize(
    ("value", "sem", "stimuli", "said"),
    [
        (0.4, 0.1, 40, "holds"),
        (0.15, 0.1, 40, "cannot be told here"),
        (-0.3, 0.1, 40, "does not hold"),
        (0.0, 0.01, 40, "does not hold"),
        (0.0, 0.06, 40, "cannot be told here"),
        (0.2, 0.0, 40, "holds"),
        (0.04, 0.01, 400, "holds"),
        (0.04, 0.01, 40, "does not hold"),
        (0.0, 0.0, 5, "cannot be told here"),
        (0.2, 0.0, 5, "cannot be told here"),
        (0.3, float("nan"), 40, "cannot be told here"),
    ],
)
def test_verdict_of_a_contrast(value, sem, stimuli, said):
    assert contrasts.verdict(value, sem, stimuli) == said


@pytest.mark.parametrize(
    ("value", "sem", "stimuli", "said"),
    [
        (0.2, 0.0999, 1000, "holds"),  # more than two standard errors above zero
        (0.2, 0.1001, 1000, "cannot be told here"),
        (0.0, 0.0499, 1000, "does not hold"),  # the upper end of the interval lies below 0.1
        (0.0, 0.0501, 1000, "cannot be told here"),
        (0.0199, 0.04, 1000, "does not hold"),
        (0.0201, 0.04, 1000, "cannot be told here"),
        (0.0, 0.0, 18, "cannot be told here"),  # no standard error is below 1 / (stimuli + 2): 0.05
        (0.0, 0.0, 19, "does not hold"),
        (0.1, 0.0, 18, "cannot be told here"),
        (0.1, 0.0, 19, "holds"),
    ],
)
def test_verdict_on_both_sides_of_every_bound(value, sem, stimuli, said):
    assert contrasts.verdict(value, sem, stimuli) == said


@pytest.mark.parametrize(("count", "told"), [(4, False), (5, True)])
def test_five_stimuli_are_the_fewest_that_tell(count, told):
    vgg, other = VGG, OTHER
    rows = judged(other, vgg, (1, 1, 1, 0), count=count)
    (found,) = claims.falls_with_depth(rows, rows, "fine", claims.other_architecture)
    assert found.verdict == (contrasts.HOLDS if told else contrasts.UNTOLD)
    assert "at least 5 metamers count" in STATEMENTS[3].rule


def test_metamers_that_meet_the_conditions_count_and_all_are_told_beside():
    """In every claim that has both: the value and the verdict are of those that count."""
    vgg, other = VGG, OTHER
    names = {"both_tasks": BOTH.name, "backgrounds": SOUNDS.name}

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

    depth = claims.falls_with_depth(
        judged(other, vgg, (0.9, 1, 1, 0.1)),
        judged(other, vgg, (0.6, 1, 1, 0.5)),
        "fine",
        claims.other_architecture,
    )
    (fifth,), (task, between) = claims.transfer(of(0.9, 0.1, 0.8, 0.2), of(0.5, 0.4, 0.3, 0.4), names)
    seventh = claims.reduced_aliasing(aliasing(0.8, 0.2), aliasing(0.3, 0.6), ALIASED.name)
    eighth = claims.cochleagram(ways(0.9, 0.3), ways(0.4, 0.5))
    expected = [
        (depth[0], 0.8, 0.1),
        (fifth, 0.8, 0.1),
        (task, 0.7, 0.1),
        (between, 0.25, -0.15),
        (seventh[0], 0.6, -0.3),
        (eighth[0], 0.6, -0.1),
    ]
    for finding, counted, everything in expected:
        assert finding.value == pytest.approx(counted) and finding.verdict == contrasts.HOLDS, finding.text
        assert finding.of_all[0] == pytest.approx(everything), finding.text


def test_late_layers_are_the_later_half():
    """Of five matched layers the last three, of four the last two, of one that one."""
    names = ("natural", "a", "b", "c", "d", "e")
    for count, late in ((5, "c, d, e"), (4, "c, d"), (3, "b, c"), (2, "b"), (1, "a")):
        rows = [
            make_judgement(
                judge=WORD,
                generator=who,
                layer=layer,
                layer_index=index,
                stimulus=f"s{i}",
                optimized="waveform",
            )
            for who in (SEED, UNTRAINED)
            for index, layer in enumerate(names[: count + 1], -1)
            for i in range(6)
        ]
        (fifth,), _ = claims.transfer(rows, rows, {})
        assert fifth.text == f"{late}: another seed's minus the untrained network's"


def test_claims_of_depth_tell_other_architectures_from_other_seeds():
    vgg, seed, other = VGG, SEED1, OTHER
    rows = (
        judged(vgg, vgg, (1, 1, 1, 1))
        + judged(seed, vgg, (1, 1, 1, 0.9))
        + judged(other, vgg, (0.9, 1, 1, 0.2))
    )
    (across,) = claims.falls_with_depth(rows, rows, "fine", claims.other_architecture)
    assert across.value == pytest.approx(0.7) and across.verdict == contrasts.HOLDS and across.stimuli == 40
    assert dict(across.parts) == {"early": pytest.approx(0.9), "last": pytest.approx(0.2)}
    (within,) = claims.falls_with_depth(rows, rows, "fine", claims.other_seed)
    closed = np.sqrt(0.1 * 0.9 / 40)  # of 40 differences, 4 are one
    assert within.value == pytest.approx(0.1) and within.sem == pytest.approx(closed, rel=0.05)
    assert claims.falls_with_depth(rows, rows, "sixteen", claims.other_seed) == []


def test_depth_is_told_at_the_latest_layer_with_enough_metamers():
    vgg, other = VGG, OTHER
    rows = judged(other, vgg, (1, 1, 0.5, 0))
    few = [row for row in rows if row.layer != "last" or row.stimulus < "s04"]
    (found,) = claims.falls_with_depth(few, rows, "fine", claims.other_architecture)
    assert "early minus late" in found.text and found.value == pytest.approx(0.5)
    none = [row for row in rows if row.layer == "natural" or row.stimulus < "s04"]
    (found,) = claims.falls_with_depth(none, rows, "fine", claims.other_architecture)
    assert found.verdict == contrasts.UNTOLD and found.of_all[0] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("untrained", "both", "sounds", "verdicts"),
    [
        (0.1, 0.8, 0.1, ("holds", "holds", "holds")),
        (0.9, 0.2, 0.1, ("does not hold", "holds", "does not hold")),
        (0.1, 0.9, 0.95, ("holds", "does not hold", "does not hold")),
    ],
)
def test_claims_of_tasks(untrained, both, sounds, verdicts):
    rows = judged(WORD, SEED, (1, 1, 0.9, 0.9)) + judged(WORD, UNTRAINED, (1, 1, untrained, untrained))
    rows += judged(WORD, BOTH, (1, 1, both, both)) + judged(WORD, SOUNDS, (1, 1, sounds, sounds))
    names = {"both_tasks": BOTH.name, "backgrounds": SOUNDS.name}
    (fifth,), (task, between) = claims.transfer(rows, rows, names)
    assert fifth.text.startswith("late, last:")
    assert (fifth.verdict, task.verdict) == verdicts[:2]
    assert between.value == pytest.approx(both - (0.9 + sounds) / 2)
    assert between.verdict == verdicts[2]


def test_late_layers_weigh_alike_where_all_conditions_have_them():
    """One of two late layers with fewer metamers of one network neither weighs less nor is told alone."""
    rows = judged(WORD, SEED, (1, 1, 0.9, 0.5)) + judged(WORD, SOUNDS, (1, 1, 0.1, 0.1))
    untrained = judged(WORD, UNTRAINED, (1, 1, 0.8, 0.2))
    some = [x for x in untrained if x.layer != "last" or x.stimulus in {f"s{i:02d}" for i in range(6)}]
    (fifth,), _ = claims.transfer(rows + some, rows + some, {})
    # At the last layer, the six that count are among the eight that are right.
    assert dict(fifth.parts) == {"another seed": pytest.approx(0.7), "untrained": pytest.approx(0.9)}
    assert fifth.text.startswith("late, last:") and fifth.stimuli == 6
    few = [x for x in some if x.layer != "last" or x.stimulus < "s04"]
    (fifth,), _ = claims.transfer(rows + few, rows + few, {})
    assert fifth.text.startswith("late:") and fifth.value == pytest.approx(0.1)
    # What does not count gives a layer no metamers, however many were made of it.
    (fifth,), _ = claims.transfer(rows + few, rows + untrained, {})
    assert fifth.text.startswith("late:") and fifth.stimuli == 40
    assert (fifth.value, fifth.of_all[0]) == (pytest.approx(0.1), pytest.approx(0.1))


def test_claims_without_their_networks_cannot_be_told():
    rows = judged(WORD, SEED, (1, 1, 1, 1))
    (fifth,), sixth = claims.transfer(rows, rows, {})
    assert {fifth.verdict, *(finding.verdict for finding in sixth)} == {contrasts.UNTOLD}
    assert contrasts.together([]) == contrasts.UNTOLD
    assert claims.cochleagram(rows, rows)[0].verdict == contrasts.UNTOLD
    assert claims.reduced_aliasing(rows, rows, "")[0].verdict == contrasts.UNTOLD


def test_claims_of_aliasing_and_of_the_cochleagram():
    rows = judged(ALIASED, WORD, (1, 1, 0.9, 0.7)) + judged(WORD, ALIASED, (1, 1, 0.4, 0.2))
    rows += judged(WORD, SEED, (1, 1, 1, 1))  # of one architecture: not for claim 7
    (found,) = claims.reduced_aliasing(rows, rows, ALIASED.name)
    assert found.value == pytest.approx(0.5) and found.verdict == contrasts.HOLDS
    rows = judged(WORD, SEED, (1, 1, 0.8, 0.8)) + judged(
        WORD, SEED, (1, 1, 0.8, 0.8), optimized="cochleagram"
    )
    (found,) = claims.cochleagram(rows, rows)
    assert found.value == 0 and found.verdict == contrasts.FAILS


def test_verdicts_together():
    def of(*verdicts):
        return contrasts.together([contrasts.Finding("", 0, 0, 0, verdict) for verdict in verdicts])

    assert of(contrasts.HOLDS, contrasts.UNTOLD) == contrasts.HOLDS
    every = [contrasts.Finding("", 0, 0, 0, verdict) for verdict in (contrasts.HOLDS, contrasts.UNTOLD)]
    assert contrasts.together(every, every=True) == contrasts.IN_PART
    assert contrasts.together(every[:1], every=True) == contrasts.HOLDS
    assert of(contrasts.HOLDS, contrasts.FAILS, contrasts.UNTOLD) == contrasts.IN_PART
    assert of(contrasts.FAILS) == contrasts.FAILS
    assert of(contrasts.UNTOLD) == contrasts.UNTOLD


def test_people_are_judges_of_no_architecture_and_of_no_seed():
    """What people recognise is not a claim about other networks."""
    person = Who("inception_small", "person:2024")
    rows = judged(person, VGG, (1, 1, 1, 0))
    for related in (claims.other_architecture, claims.other_seed):
        assert claims.falls_with_depth(rows, rows, "fine", related) == []
    assert person.kind == "person" and VGG.kind == "network"
