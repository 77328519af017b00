"""Networks as judges: which class a network takes metamers of others for (paper 4.3, 4.4; Figures 5, 6)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from model_metamers.errors import InputError
from model_metamers.networks.cochleagram_view import cochleagram_view
from model_metamers.networks.network import Network
from model_metamers.recognition import decisions
from model_metamers.recognition.decisions import Decision
from model_metamers.recognition.judgement import Judgement, Who
from model_metamers.recognition.labels import Truth
from model_metamers.recognition.presentations import Presentation
from model_metamers.signals.spec import SignalSpec
from model_metamers.storage.digests import text_digest
from model_metamers.storage.reading import read_array
from model_metamers.storage.whole import make_folder
from model_metamers.storage.writing import write_array

_BATCH = 16
_BLOCK = 64  # presentations whose logits are kept together
_FORMAT = 1  # of kept logits; they are made anew when what they hold changes


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
    """
    rule = decisions.decision(categories)
    rule.of_network(network)
    return decisions.decide(network, logits(network, network.signal.check(signals)), rule)


def logits(network: Network, signals: np.ndarray) -> np.ndarray:
    """Logits of many signals, float32, in batches."""
    batches = [signals[i : i + _BATCH] for i in range(0, len(signals), _BATCH)]
    return np.concatenate([network.logits(batch).numpy() for batch in batches])


def kept_logits(
    network: Network, presentations: Sequence[Presentation], folder: Path, progress: bool = True
) -> np.ndarray:
    """A network's logits for presentations, written to a folder in blocks as they are computed.

    Args:
      network: with weights. Of cochleagrams, an auditory CNN is run from its cochleagram on.
      presentations: that it can judge, see `presentations_for`.
      folder: of the blocks; those that are there are read instead of computed.
      progress: whether to show a bar.

    Returns:
      float32 [presentations, ...].

    Raises:
      InputError: a file that cannot be read, or a sound too short for the network.
    """
    make_folder(folder)
    rows: dict[int, np.ndarray] = {}
    with tqdm(total=len(presentations), desc=f"{network.name} judges", disable=not progress) as bar:
        for spec in dict.fromkeys(p.spec for p in presentations):
            places = [i for i, p in enumerate(presentations) if p.spec == spec]
            reader = _reader(network, spec)
            for first in range(0, len(places), _BLOCK):
                block = places[first : first + _BLOCK]
                shown = [presentations[i] for i in block]
                rows.update(zip(block, _block(reader, shown, folder), strict=True))
                bar.update(len(block))
    return np.stack([rows[i] for i in range(len(presentations))])


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
        first.read(_reader(network, first.spec).signal)
    return own


def _reader(network: Network, spec: SignalSpec) -> Network:
    """What takes signals of this kind: the network, or of cochleagrams, its view."""
    return cochleagram_view(network, spec) if spec.kind == "cochleagram" else network


def _block(network: Network, block: Sequence[Presentation], folder: Path) -> np.ndarray:
    """Logits of a block, read where they are kept already."""
    path = folder / f"{_block_key(network, block)}.npy"
    if not path.exists():
        write_array(path, logits(network, np.stack([p.read(network.signal) for p in block])))
    return read_array(path)


def kept_folder(out: Path, network: Network) -> Path:
    """Where a judge's logits are kept."""
    about = text_digest([network.checkpoint_digest])[:12]
    return out / "logits" / f"{network.name.replace('/', '_')}-{about}"


def _block_key(network: Network, block: Sequence[Presentation]) -> str:
    parts = [str(_FORMAT), network.name, network.checkpoint_digest, repr(dataclasses.astuple(network.signal))]
    parts += [presentation.digest() for presentation in block]
    return text_digest(parts)[:32]


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
      logits: of each of them, see `kept_logits`.
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
