"""Networks judging metamers: who recognises whose (paper 4.3, 4.4; Figures 5 and 6)."""

from __future__ import annotations

import dataclasses
import math
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from model_metamers.errors import InputError
from model_metamers.networks.cochleagram_view import cochleagram_view
from model_metamers.networks.network import Network
from model_metamers.recognition import decisions
from model_metamers.recognition.decisions import Decision
from model_metamers.recognition.presentations import NATURAL, Presentation
from model_metamers.signals.spec import SignalSpec
from model_metamers.statistics import bootstrap
from model_metamers.storage.digests import text_digest
from model_metamers.storage.reading import read_array
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


def judge(
    network: Network, presentations: Sequence[Presentation], kept: Path, progress: bool = True
) -> np.ndarray:
    """A network's logits for presentations, kept in blocks as they are computed.

    Args:
      network: with weights. From cochleagrams on, an auditory CNN judges those.
      presentations: that it can judge, see `check_judge`.
      kept: folder of blocks; those that are there are read.
      progress: whether to show a bar.

    Returns:
      float32 [presentations, ...].

    Raises:
      InputError: a file that cannot be read, or a sound too short for the network.
    """
    kept.mkdir(parents=True, exist_ok=True)
    found: dict[int, np.ndarray] = {}
    with tqdm(total=len(presentations), desc=f"{network.name} judges", disable=not progress) as bar:
        for spec in dict.fromkeys(p.spec for p in presentations):
            places = [i for i, p in enumerate(presentations) if p.spec == spec]
            reader = _reader(network, spec)
            for first in range(0, len(places), _BLOCK):
                block = places[first : first + _BLOCK]
                found.update(zip(block, _block(reader, [presentations[i] for i in block], kept), strict=True))
                bar.update(len(block))
    return np.stack([found[i] for i in range(len(presentations))])


def check_judge(network: Network, presentations: Sequence[Presentation]) -> list[Presentation]:
    """Those of the presentations that are of a network's kind.

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
    """The network, or where cochleagrams are to be judged, that from its cochleagram on."""
    return cochleagram_view(network, spec) if spec.kind == "cochleagram" else network


def _block(network: Network, block: Sequence[Presentation], kept: Path) -> np.ndarray:
    """Logits of a block, read where they are kept."""
    path = kept / f"{_block_key(network, block)}.npy"
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


def truths(
    presentations: Sequence[Presentation], labels: Mapping[str, str] | None
) -> list[tuple[str | None, str]]:
    """The true class of each presentation, and where it comes from.

    Args:
      presentations: to be judged.
      labels: by stimulus, see `stimuli.labels.read_labels`; None to take what the
        generating network makes of the natural target, whoever judges.

    Raises:
      InputError: a stimulus without a label.
    """
    if labels is None:
        return [(p.label, "generator") for p in presentations]
    missing = sorted({p.stimulus for p in presentations} - labels.keys())
    if missing:
        raise InputError(
            f"{len(missing)} stimuli have no label, such as {', '.join(missing[:3])}; a label bears the "
            f"name of its stimulus's file, without folder and extension"
        )
    return [(labels[p.stimulus], "labels") for p in presentations]


def judgements(
    network: Network,
    presentations: Sequence[Presentation],
    known: Sequence[tuple[str | None, str]],
    network_logits: np.ndarray,
    rule: Decision,
) -> list[dict[str, Any]]:
    """A row for each presentation: what a judge answered, and whether it is right.

    `correct` is None where it cannot be told, since the truth is no answer of this rule
    or no class of the judge; such rows do not count, nor do metamers that fail the criteria.
    """
    answers = decisions.decide(network, network_logits, rule)
    possible = set(rule.of_network(network))
    rows = []
    for presentation, (label, source), answer in zip(presentations, known, answers, strict=True):
        truth = rule.answer_of(label)
        tells = truth is not None and (not possible or truth in possible)
        reasons = [presentation.reason, "" if tells else _cannot_tell(network, label, truth, rule)]
        rows.append(
            {
                "generator": presentation.generator,
                "generator_weights": presentation.generator_weights,
                "layer": presentation.layer,
                "layer_index": presentation.layer_index,
                "stimulus": presentation.stimulus,
                "search_seed": presentation.search_seed,
                "optimized": presentation.optimized,
                "relu_gradient": presentation.relu_gradient,
                "settings": presentation.settings,
                "included": presentation.included,
                "truth": truth,
                "truth_source": source,
                "judge": network.name,
                "judge_weights": network.checkpoint_digest,
                "decision": rule.name,
                "answer": answer,
                "correct": answer == truth if tells else None,
                "counted": presentation.included and tells,
                "reason": "; ".join(filter(None, reasons)),
            }
        )
    return rows


def _cannot_tell(network: Network, label: str | None, truth: str | None, rule: Decision) -> str:
    if label is None:
        return "the true class is not known"
    if truth is None:
        return f"{label!r} is no answer of {rule.name}"
    return f"{network.name} has no class {truth!r}"


_POINT = (
    "judge",
    "judge_weights",
    "decision",
    "generator",
    "generator_weights",
    "layer",
    "layer_index",
    "optimized",
    "relu_gradient",
    "settings",
)


def points(
    rows: Sequence[Mapping[str, Any]],
    chance: Mapping[tuple[str, str, str], float],
    resamples: int = 10000,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """The points of the recognition curves, in the order of the rows.

    Args:
      rows: of `judgements`.
      chance: of a right guess, by judge, its weights and decision.
      resamples, seed: of the bootstrap; every point draws for itself.

    Returns:
      For each judge, decision, generator, layer (or "natural"), and how it was searched: the
      proportion correct of `n` counted judgements of `stimuli` stimuli and `seeds` seeds;
      of `total` metamers `passed` the criteria; `sem` is over stimuli, `sem_with_seeds`
      over stimuli and seeds. None where a number is not defined.
    """
    groups: dict[tuple, list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[column] for column in _POINT), []).append(row)
    return [_point(key, found, chance[key[:3]], resamples, seed) for key, found in groups.items()]


def _point(
    key: tuple, rows: Sequence[Mapping[str, Any]], chance: float, resamples: int, seed: int
) -> dict[str, Any]:
    counted = [row for row in rows if row["counted"]]
    correct = table(counted)
    own_seed = zlib.crc32(repr((seed, key)).encode())
    return {
        **dict(zip(_POINT, key, strict=True)),
        "proportion": sum(row["correct"] for row in counted) / len(counted) if counted else None,
        "n": len(counted),
        "stimuli": correct.shape[0],
        "seeds": correct.shape[1] if key[_POINT.index("layer")] != NATURAL else None,
        "passed": sum(row["included"] for row in rows),
        "total": len(rows),
        "sem": _number(bootstrap.standard_error(correct, resamples, own_seed)),
        "sem_with_seeds": _number(bootstrap.standard_error(correct, resamples, own_seed, over_seeds=True)),
        "chance": _number(chance),
    }


def table(rows: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Right (1) and wrong (0) by stimulus and seed, float64 [stimuli, seeds], NaN for none.

    Rows of several points may be given, such as of networks trained with several seeds;
    each (weights, search seed) is a seed then.
    """
    stimuli = list(dict.fromkeys(row["stimulus"] for row in rows))
    seeds = list(dict.fromkeys((row["generator_weights"], row["search_seed"]) for row in rows))
    correct = np.full([len(stimuli), len(seeds)], np.nan)
    for row in rows:
        place = stimuli.index(row["stimulus"]), seeds.index((row["generator_weights"], row["search_seed"]))
        correct[place] = row["correct"]
    return correct


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
