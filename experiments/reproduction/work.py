"""What the steps of a reproduction share: names of their results, and what a plan is made from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from model_metamers.networks.names import view_name
from model_metamers_experiments.reproduction import cast
from model_metamers_experiments.reproduction.cast import COCHLEAGRAM, Part, Scale
from model_metamers_experiments.reproduction.stimuli import StimulusSet

NULLS, METAMERS, RELU, RECOGNITION, VERDICTS, FIGURES = (
    "nulls",
    "metamers",
    "relu",
    "recognition",
    "verdicts",
    "figures",
)
START = 20.0  # seconds in which a binary loads TensorFlow and a network


@dataclasses.dataclass(frozen=True)
class Work:
    """What a plan is made from.

    Attributes:
      scale: the scale, with the networks that have weights.
      stimuli: the natural signals by kind, "image" and "sound".
      contents: digest of the natural signals, by kind.
      out: folder of the reproduction.
    """

    scale: Scale
    stimuli: Mapping[str, StimulusSet]
    contents: Mapping[str, str]
    out: Path


def runs_of(part: Part) -> dict[str, str]:
    """The runs of make_metamers for a network: by name of the run, the folder of results within it."""
    runs = {part.role: part.network}
    if part.cochleagram_seconds:
        runs[f"{part.role}_{COCHLEAGRAM}"] = view_name(part.network)
    return runs


def matched_layers(part: Part) -> tuple[str, ...]:
    """The layers that are matched."""
    return part.layers or tuple(cast.built(part).layers)
