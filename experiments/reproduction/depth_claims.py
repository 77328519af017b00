"""What the saved judgements of images say about the paper's claims of depth: 3, 4 and 11; see `contrasts`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from model_metamers.recognition.judgement import Judgement, Who
from model_metamers_experiments.reproduction import answers
from model_metamers_experiments.reproduction.contrasts import Comparison, Condition, contrast
from model_metamers_experiments.reproduction.hypotheses import Above, LessThan
from model_metamers_experiments.reproduction.statements import ABOVE_CHANCE, FEWEST, MARGIN

# f(judge, generator) -> whether a claim is about this judge of the generator's metamers.
Related = Callable[[Who, Who], bool]


def other_architecture(judge: Who, generator: Who) -> bool:
    """Whether the judge is one that claims 3 and 11 are about."""
    return judge.is_other_architecture_than(generator)


def other_seed(judge: Who, generator: Who) -> bool:
    """Whether the judge is one that claim 4 is about."""
    return judge.is_other_seed_of(generator)


def falls_with_depth(
    counted: Sequence[Judgement], everything: Sequence[Judgement], decisions: Iterable[str], related: Related
) -> list[Comparison]:
    """Claims 3 and 4: recognition by other networks falls from the earliest to a late layer.

    Args:
      counted, everything: judgements of metamers that meet the paper's conditions, and of all.
      decisions: the judges' decisions, such as "fine".
      related: whether a claim is about a judge, see `Related`.

    Returns:
      A comparison for each decision and generating network.
    """
    comparisons = []
    for decision, generator, own, all_own in _by_generator(counted, everything, decisions, related):
        first, late = answers.layers(all_own)[0], _latest(own, all_own)
        comparisons.append(
            contrast(
                f"metamers of {generator.name}, {decision} decision: {first} minus {late}",
                Above(MARGIN),
                [Condition(first, 1, _every, [first]), Condition(late, -1, _every, [late])],
                own,
                all_own,
                untold="" if first != late else "Only one layer's metamers count.",
            )
        )
    return comparisons


def hardly_recognised(
    counted: Sequence[Judgement],
    everything: Sequence[Judgement],
    chance: Mapping[str, float],
    related: Related,
) -> list[Comparison]:
    """Claim 11: recognition of a late layer's metamers by other networks is near chance.

    Args:
      counted, everything, related: as in `falls_with_depth`.
      chance: share of right answers by guessing, by decision.
    """
    comparisons = []
    for decision, generator, own, all_own in _by_generator(counted, everything, chance, related):
        late = _latest(own, all_own)
        comparisons.append(
            contrast(
                f"metamers of {generator.name}, {decision} decision: {late} (chance {chance[decision]:.3g})",
                LessThan(chance[decision] + ABOVE_CHANCE, 0.0, 1.0),
                [Condition(late, 1, _every, [late])],
                own,
                all_own,
            )
        )
    return comparisons


def _by_generator(
    counted: Sequence[Judgement], everything: Sequence[Judgement], decisions: Iterable[str], related: Related
) -> Iterable[tuple[str, Who, list[Judgement], list[Judgement]]]:
    """Each decision and generating network with the judgements of its metamers, where there are any."""
    for decision in decisions:
        for generator in dict.fromkeys(one.generator for one in everything):
            own, all_own = (
                [
                    one
                    for one in answers.of_metamers(judgements)
                    if one.generator == generator
                    and one.decision == decision
                    and related(one.judge, generator)
                ]
                for judgements in (counted, everything)
            )
            if all_own:
                yield decision, generator, own, all_own


def _latest(own: Sequence[Judgement], all_own: Sequence[Judgement]) -> str:
    """The latest layer at which `FEWEST` stimuli count that count at the earliest too, or else the latest."""
    matched, held = answers.layers(all_own), answers.shares(own)
    first = held.get(matched[0], {})
    enough = [layer for layer in matched if len(first.keys() & held.get(layer, {}).keys()) >= FEWEST]
    return (enough or matched)[-1]


def _every(_: Judgement) -> bool:
    return True
