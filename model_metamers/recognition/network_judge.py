"""Networks as judges: which class a network takes metamers of others for (paper 4.3, 4.4; Figures 5, 6)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model_metamers.errors import InputError
from model_metamers.networks.cochleagram_view import cochleagram_view
from model_metamers.networks.network import Network
from model_metamers.recognition import decisions
from model_metamers.recognition.decisions import Decision
from model_metamers.recognition.judgement import Judgement, Who
from model_metamers.recognition.labels import Truth
from model_metamers.recognition.presentations import Presentation
from model_metamers.signals.spec import SignalSpec

_BATCH = 16


def recognize(
    network: Network, signals: np.ndarray, categories: str | Sequence[str] | None = None
) -> list[str]:
    """What a network takes signals for.

    Args:
      network: with weights.
      signals: one signal of the network or a batch.
      categories: None for the network's classes, "sixteen" or "sixteen_by_name" for the
        16-way decision, or the classes that may be answered; see `decisions.decision`.

    Returns:
      A class or category for each signal; an ImageNet name that stands twice with its
      index, "crane (134)".

    Raises:
      InputError: no signals of this network, or the decision cannot be asked of it.

    Example:
      >>> import model_metamers as mm
      >>> network = mm.load_network("vgg_19_small")
      >>> black_and_white = np.stack([np.zeros([32, 32, 3]), np.ones([32, 32, 3])])
      >>> len(recognize(network, black_and_white))
      2
      >>> set(recognize(network, black_and_white, ["cat", "dog"])) <= {"cat", "dog"}
      True
    """
    rule = decisions.decision(categories)
    rule.of_network(network)
    return decisions.decide(network, logits(network, network.signal.check(signals)), rule)


def logits(network: Network, signals: np.ndarray) -> np.ndarray:
    """Logits of many signals, float32, in batches."""
    batches = [signals[i : i + _BATCH] for i in range(0, len(signals), _BATCH)]
    return np.concatenate([network.logits(batch).numpy() for batch in batches])


def presentations_for(network: Network, presentations: Sequence[Presentation]) -> list[Presentation]:
    """Those of the presentations that a network can judge: the images, or what is heard.

    Raises:
      InputError: there are none, or some it cannot take: a sound that is too short, a
        cochleagram of another front end.
    """
    kinds = {"image": ("image",), "sound": ("sound", "cochleagram")}[network.signal.kind]
    own = [p for p in presentations if p.spec.kind in kinds]
    if not own:
        raise InputError(f"{network.name} judges {network.signal.kind}s, and none of these is one")
    for first in {p.spec: p for p in reversed(own)}.values():
        first.read(reader(network, first.spec).signal)
    return own


def reader(network: Network, spec: SignalSpec) -> Network:
    """What takes signals of this kind: the network, or of cochleagrams, its view."""
    return cochleagram_view(network, spec) if spec.kind == "cochleagram" else network


def judge_of(network: Network) -> Who:
    """A network as a judge."""
    return Who(network.name, network.checkpoint_digest)


def judgements(
    network: Network,
    presentations: Sequence[Presentation],
    truths: Sequence[Truth],
    logits: np.ndarray,
    rule: Decision,
) -> list[Judgement]:
    """What a network answered to each presentation, and whether that is right.

    Args:
      network: that judges.
      presentations: that were judged.
      truths: of each of them.
      logits: of each of them, see `kept.kept_logits`.
      rule: that makes an answer of logits.

    Raises:
      InputError: the rule cannot be asked of this network, or a logit is NaN.
    """
    answers = decisions.decide(network, logits, rule)
    possible = set(rule.of_network(network))
    return [
        _judgement(network, shown, truth, rule, answer, possible)
        for shown, truth, answer in zip(presentations, truths, answers, strict=True)
    ]


def _judgement(
    network: Network,
    shown: Presentation,
    given: Truth,
    rule: Decision,
    answer: str,
    possible: set[str | None],
) -> Judgement:
    """One of `judgements`; `possible` are the judge's answers, none where it answers with texts."""
    truth = rule.answer_of(given.label)
    can_be_told = truth is not None and (not possible or truth in possible)
    reasons = [shown.reason, "" if can_be_told else _cannot_tell(network, given.label, truth, rule)]
    return Judgement(
        generator=shown.generated_by,
        layer=shown.layer,
        layer_index=shown.layer_index,
        stimulus=shown.stimulus,
        search_seed=shown.search_seed,
        optimized=shown.optimized,
        relu_gradient=shown.relu_gradient,
        settings=shown.settings,
        included=shown.included,
        truth=truth,
        truth_source=given.source,
        judge=judge_of(network),
        decision=rule.name,
        answer=answer,
        correct=answer == truth if can_be_told else None,
        counted=shown.included and can_be_told,
        reason="; ".join(filter(None, reasons)),
    )


def _cannot_tell(network: Network, label: str | None, truth: str | None, rule: Decision) -> str:
    if label is None:
        return "the true class is not known"
    if truth is None:
        return f"{label!r} is no answer of {rule.name}"
    return f"{network.name} has no class {truth!r}"
