"""What the saved judgements say about the paper's claims 5 to 10, of sounds.

For those of rho (1, 2) see `rho_claims`, for those of images (3, 4, 11) `depth_claims`. Every claim is
decided by comparisons of shares of right answers within stimuli; see `contrasts`. What each function takes
first are judgements of metamers that meet the paper's conditions, and then of all metamers; both hold those
of natural signals too.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from model_metamers.recognition.judgement import NATURAL, Judgement, Who
from model_metamers_experiments.reproduction import answers
from model_metamers_experiments.reproduction.contrasts import Comparison, Condition, contrast
from model_metamers_experiments.reproduction.hypotheses import Above, Hypothesis, LessThan, MoreThan
from model_metamers_experiments.reproduction.statements import ABOVE_CHANCE, MARGIN, NEARLY, POORLY

Judgements = Sequence[Judgement]

_HIGHER = Above(MARGIN)
_FULLY_CONNECTED = re.compile(r"fc|logits")
_RATE = re.compile(r"\blearning_rate=(\S+)")


def transfer(
    counted: Judgements, everything: Judgements, names: Mapping[str, str], chance: float
) -> tuple[list[Comparison], list[Comparison]]:
    """Claims 5 and 6: how word networks recognise metamers of untrained networks and other tasks.

    Args:
      counted, everything: judgements by the word networks, see the module.
      names: names of the networks with the roles "both_tasks" and "backgrounds".
      chance: share of right answers by guessing.

    Returns:
      The comparisons of claim 5 and those of claim 6.
    """
    counted, everything = _of_waveforms(counted), _of_waveforms(everything)
    late = _later_half(everything)

    def compared(text: str, hypothesis: Hypothesis, *conditions: Condition, add: float = 0.0) -> Comparison:
        return _at_layers(late, text, hypothesis, conditions, counted, everything, add)

    seed, background = _by(1, _ANOTHER_SEED), _by(-1, _named("the background task", names.get("backgrounds")))
    both = _by(1, _named("both tasks", names.get("both_tasks")))
    poorly = _poorly(late, "metamers of the untrained network", counted, everything, chance)
    fifth = [
        compared("another seed's minus the untrained network's", _HIGHER, seed, _by(-1, _UNTRAINED)),
        poorly,
    ]
    sixth = [
        compared("another seed's minus the background task's", _HIGHER, seed, background),
        compared(
            f"the background task's: chance is {chance:.3g}",
            LessThan(chance + ABOVE_CHANCE, 0.0, 1.0),
            dataclasses.replace(background, weight=1),
        ),
        compared(
            "both tasks' minus another seed's",
            MoreThan(-NEARLY),
            both,
            dataclasses.replace(seed, weight=-1),
        ),
    ]
    return fifth, sixth


def reduced_aliasing(counted: Judgements, everything: Judgements, aliased: str) -> list[Comparison]:
    """Claim 7: metamers of the networks with and without aliasing, recognised by the other one.

    Args:
      counted, everything: judgements by the word networks, see the module.
      aliased: name of the network with aliasing.
    """
    counted, everything = _of_waveforms(counted), _of_waveforms(everything)

    def of_reduced(one: Judgement) -> bool:
        return one.generator.name != aliased and one.judge.name == aliased

    def of_aliased(one: Judgement) -> bool:
        return one.generator.name == aliased and one.judge.name != aliased

    # The late layers of both networks have the same names (Tables S2, S3).
    late_of_aliased = _later_half(filter(of_aliased, everything))
    late = [layer for layer in _later_half(filter(of_reduced, everything)) if layer in late_of_aliased]
    sides = [Condition("reduced aliasing", 1, of_reduced), Condition("with aliasing", -1, of_aliased)]
    return [_at_layers(late, "reduced aliasing minus aliased", _HIGHER, sides, counted, everything)]


def cochleagram(counted: Judgements, everything: Judgements) -> list[Comparison]:
    """Claim 8: metamers whose waveform was optimised minus those whose cochleagram was.

    Args:
      counted, everything: judgements by the word networks, see the module.
    """
    both_ways = {one.generator for one in everything if not one.of_signal}
    own = [
        one for one in answers.of_metamers(everything) if one.generator in both_ways and _by_other_seed(one)
    ]
    late = _later_half(one for one in own if one.of_signal)

    def waveform(one: Judgement) -> bool:
        return one.generator in both_ways and one.of_signal and _by_other_seed(one)

    def of_cochleagram(one: Judgement) -> bool:
        return one.generator in both_ways and not one.of_signal and _by_other_seed(one)

    rates = sorted({rate for one in own for rate in _RATE.findall(one.settings)})
    sides = [Condition("waveform", 1, waveform), Condition("cochleagram", -1, of_cochleagram)]
    text = "waveform optimised minus cochleagram optimised"
    untold = f"The searches had several learning rates: {', '.join(rates)}." if len(rates) > 1 else ""
    return [_at_layers(late, text, _HIGHER, sides, counted, everything, untold=untold)]


def until_the_top(counted: Judgements, everything: Judgements, chance: float) -> list[Comparison]:
    """Claim 9: an untrained network's metamers are recognised up to the last convolution, and not at the top.

    Args:
      counted, everything, chance: as in `transfer`.
    """
    layers = answers.layers(filter(_untrained, _of_waveforms(everything)))
    convolutions = _convolutions(layers)
    comparisons = [
        contrast(
            f"{layer}: metamers of the untrained network minus the natural signals",
            MoreThan(-NEARLY),
            [Condition("untrained", 1, _untrained, [layer]), Condition(NATURAL, -1, _untrained, [NATURAL])],
            counted,
            everything,
        )
        for layer in convolutions
    ]
    top = [layer for layer in layers if layer not in convolutions][:1]
    return [*comparisons, _poorly(top, "metamers of the untrained network", counted, everything, chance)]


def sooner_unrecognisable(
    counted: Judgements, everything: Judgements, names: Mapping[str, str]
) -> list[Comparison]:
    """Claim 10: over all convolutions, another seed's metamers minus the background task's.

    Args:
      counted, everything, names: as in `transfer`.
    """
    counted, everything = _of_waveforms(counted), _of_waveforms(everything)
    background = _named("the background task", names.get("backgrounds"))
    layers = _convolutions(answers.layers(filter(background[1], everything)))
    sides = [_by(1, _ANOTHER_SEED), _by(-1, background)]
    text = "another seed's minus the background task's"
    return [_at_layers(layers, text, _HIGHER, sides, counted, everything)]


def _at_layers(
    layers: Sequence[str],
    text: str,
    hypothesis: Hypothesis,
    conditions: Iterable[Condition],
    counted: Judgements,
    everything: Judgements,
    add: float = 0.0,
    untold: str = "",
) -> Comparison:
    """A comparison of conditions at the same layers."""
    chosen = [dataclasses.replace(condition, layers=layers) for condition in conditions]
    return contrast(_at(layers, text), hypothesis, chosen, counted, everything, add, untold)


def _at(layers: Sequence[str], text: str) -> str:
    """What is compared, with the layers, if any were matched."""
    return f"{', '.join(layers)}: {text}" if layers else text


def _poorly(
    layers: Sequence[str], text: str, counted: Judgements, everything: Judgements, chance: float
) -> Comparison:
    """Whether the untrained network's metamers are recognised poorly, beside the same natural signals."""
    sides = [
        Condition("untrained", 1, _untrained, layers),
        Condition(NATURAL, -POORLY, _untrained, [NATURAL] * len(layers)),
    ]
    guessed = -(1 - POORLY) * chance
    return contrast(
        _at(layers, f"{text}, minus {POORLY:.0%} of the way from {chance:.3g} to the natural"),
        LessThan(0.0, guessed - POORLY, guessed + 1),
        sides,
        counted,
        everything,
        guessed,
    )


def _by(weight: float, of: tuple[str, Callable[[Judgement], bool]]) -> Condition:
    return Condition(of[0], weight, of[1])


def _named(text: str, name: str | None) -> tuple[str, Callable[[Judgement], bool]]:
    return text, lambda one: one.generator.name == name


def _convolutions(layers: Iterable[str]) -> list[str]:
    """The layers up to the last convolution: all that are neither fully connected nor the classes."""
    return [layer for layer in layers if not _FULLY_CONNECTED.match(layer)]


def _later_half(judgements: Iterable[Judgement]) -> list[str]:
    """The later half of the matched layers."""
    layers = answers.layers(judgements)
    return layers[len(layers) // 2 :]


def _of_waveforms(judgements: Iterable[Judgement]) -> list[Judgement]:
    """The judgements of signals, or metamers whose signal itself was optimised, not its cochleagram."""
    return [one for one in judgements if one.of_signal]


def _untrained(one: Judgement) -> bool:
    return one.generator.untrained and one.of_signal


def _by_other_seed(one: Judgement) -> bool:
    return _are_seeds(one.judge, one.generator)


@functools.cache  # of a few networks, asked of every judgement
def _are_seeds(judge: Who, generator: Who) -> bool:
    return judge.is_other_seed_of(generator)


_ANOTHER_SEED = ("another seed", _by_other_seed)
_UNTRAINED = ("untrained", _untrained)
