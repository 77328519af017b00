"""What the saved judgements say about the paper's claims 3 to 8; for 1 and 2 see `rho_claims`.

Every claim is decided by contrasts between shares of right answers; see `contrasts`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence

from model_metamers.recognition.judgement import Judgement, Who
from model_metamers_experiments.reproduction import answers
from model_metamers_experiments.reproduction.contrasts import UNTOLD, Condition, Finding, contrast
from model_metamers_experiments.reproduction.statements import FEWEST

# f(judge, generator) -> whether a claim is about this judge of the generator's metamers.
Related = Callable[[Who, Who], bool]


def other_architecture(judge: Who, generator: Who) -> bool:
    """Whether the judge is one that claim 3 is about."""
    return judge.is_other_architecture_than(generator)


def other_seed(judge: Who, generator: Who) -> bool:
    """Whether the judge is one that claim 4 is about."""
    return judge.is_other_seed_of(generator)


def falls_with_depth(
    counted: Sequence[Judgement], everything: Sequence[Judgement], decision: str, related: Related
) -> list[Finding]:
    """Claims 3 and 4: recognition by other networks falls from the earliest to a late layer.

    Args:
      counted: judgements of metamers that meet the paper's conditions.
      everything: judgements of all metamers.
      decision: the judges' decision, such as "fine".
      related: whether a claim is about a judge, see `Related`.

    Returns:
      A finding for each generating network.
    """
    findings = []
    for generator in dict.fromkeys(one.generator for one in everything):
        own, all_own = (
            [
                one
                for one in answers.of_metamers(judgements)
                if one.generator == generator and one.decision == decision and related(one.judge, generator)
            ]
            for judgements in (counted, everything)
        )
        if all_own:
            findings.append(_first_minus_late(generator, decision, own, all_own))
    return findings


def _first_minus_late(
    generator: Who, decision: str, own: Sequence[Judgement], all_own: Sequence[Judgement]
) -> Finding:
    """The earliest layer minus the latest one with enough metamers that count (or the latest of all)."""
    matched = answers.layers(all_own)
    enough = [layer for layer in matched if _has_enough([one for one in own if one.layer == layer])]
    first, late = matched[0], (enough or matched)[-1]
    conditions = [Condition(first, 1, _every, [first]), Condition(late, -1, _every, [late])]
    text = f"metamers of {generator.name}, {decision} decision: {first} minus {late}"
    finding = contrast(text, conditions, own, all_own)
    return finding if late != first else dataclasses.replace(finding, verdict=UNTOLD)


def transfer(
    counted: Sequence[Judgement], everything: Sequence[Judgement], names: dict[str, str]
) -> tuple[list[Finding], list[Finding]]:
    """Claims 5 and 6: how the word network recognises metamers of untrained networks and other tasks.

    Args:
      counted, everything: judgements by the word network, as in `falls_with_depth`.
      names: names of the networks with the roles "both_tasks" and "backgrounds".

    Returns:
      The findings of claim 5 and those of claim 6.
    """
    counted, everything = _of_waveforms(counted), _of_waveforms(everything)
    late = _later_half(everything)

    def of_network(role: str) -> Callable[[Judgement], bool]:
        return lambda one: one.generator.name == names.get(role)

    def untrained(one: Judgement) -> bool:
        return one.generator.untrained

    seed = Condition("another seed", 1, _by_other_seed)
    background = Condition("background task", -1, of_network("backgrounds"))
    fifth = _late_contrast(
        "another seed's minus the untrained network's",
        [seed, Condition("untrained", -1, untrained)],
        late,
        counted,
        everything,
    )
    task = _late_contrast(
        "another seed's minus the background task's", [seed, background], late, counted, everything
    )
    between = _late_contrast(
        "both tasks' minus midway between another seed's and the background task's",
        [
            Condition("both tasks", 1, of_network("both_tasks")),
            dataclasses.replace(seed, weight=-0.5),
            dataclasses.replace(background, weight=-0.5),
        ],
        late,
        counted,
        everything,
    )
    return [fifth], [task, between]


def reduced_aliasing(
    counted: Sequence[Judgement], everything: Sequence[Judgement], aliased: str
) -> list[Finding]:
    """Claim 7: metamers of the networks with and without aliasing, recognised by the other one.

    Args:
      counted, everything: judgements by the word networks, as in `falls_with_depth`.
      aliased: name of the network with aliasing.
    """
    counted, everything = _of_waveforms(counted), _of_waveforms(everything)

    def of_reduced(one: Judgement) -> bool:
        return one.generator.name != aliased and one.judge.name == aliased

    def of_aliased(one: Judgement) -> bool:
        return one.generator.name == aliased and one.judge.name != aliased

    # The late layers of both networks have the same names (Tables S2, S3).
    late = _later_half(filter(of_reduced, everything))
    late_of_aliased = _later_half(filter(of_aliased, everything))
    conditions = [Condition("reduced aliasing", 1, of_reduced), Condition("with aliasing", -1, of_aliased)]
    shared = [layer for layer in late if layer in late_of_aliased]
    return [_late_contrast("reduced aliasing minus aliased", conditions, shared, counted, everything)]


def cochleagram(counted: Sequence[Judgement], everything: Sequence[Judgement]) -> list[Finding]:
    """Claim 8: metamers whose waveform was optimised minus those whose cochleagram was.

    Args:
      counted, everything: judgements by the word network, as in `falls_with_depth`.
    """
    both_ways = {one.generator for one in everything if not one.of_signal}
    late = _later_half(one for one in everything if one.generator in both_ways and one.of_signal)

    def waveform(one: Judgement) -> bool:
        return one.generator in both_ways and one.of_signal and _by_other_seed(one)

    def of_cochleagram(one: Judgement) -> bool:
        return one.generator in both_ways and not one.of_signal and _by_other_seed(one)

    conditions = [Condition("waveform", 1, waveform), Condition("cochleagram", -1, of_cochleagram)]
    text = "waveform optimised minus cochleagram optimised"
    return [_late_contrast(text, conditions, late, counted, everything)]


def _late_contrast(
    text: str,
    conditions: Sequence[Condition],
    late: Sequence[str],
    counted: Sequence[Judgement],
    everything: Sequence[Judgement],
) -> Finding:
    """A contrast over those late layers at which every condition has enough metamers, equally weighted."""
    at_late = [dataclasses.replace(condition, layers=late) for condition in conditions]
    by_layer = zip(*(condition.at_layers(counted) for condition in at_late), strict=True)
    enough = [layer for layer, groups in zip(late, by_layer, strict=True) if all(map(_has_enough, groups))]
    layers = enough or list(late)
    chosen = [dataclasses.replace(condition, layers=layers) for condition in conditions]
    finding = contrast(f"{', '.join(layers)}: {text}", chosen, counted, everything)
    return finding if enough else dataclasses.replace(finding, verdict=UNTOLD)


def _has_enough(judgements: Sequence[Judgement]) -> bool:
    return answers.stimuli(judgements) >= FEWEST


def _later_half(judgements: Iterable[Judgement]) -> list[str]:
    """The later half of the matched layers."""
    layers = answers.layers(judgements)
    return layers[len(layers) // 2 :]


def _of_waveforms(judgements: Iterable[Judgement]) -> list[Judgement]:
    """The judgements of metamers whose signal itself was optimised, not its cochleagram."""
    return [one for one in answers.of_metamers(judgements) if one.of_signal]


def _every(_: Judgement) -> bool:
    return True


def _by_other_seed(one: Judgement) -> bool:
    return other_seed(one.judge, one.generator)
