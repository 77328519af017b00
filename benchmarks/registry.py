"""The cases by name, without loading what they need."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Sequence

from benchmarks.results import Result
from benchmarks.settings import Settings
from model_metamers.catalog.names import networks
from model_metamers.errors import InputError, UnknownNetworkError


@dataclasses.dataclass(frozen=True)
class Case:
    """Something that can be timed.

    Attributes:
      module: of `benchmarks.cases`; its `run(name, settings)` gives a `Result`.
      about: what it is, in words.
      long: whether it runs only when it is named.
    """

    module: str
    about: str
    long: bool = False


CASES = {
    "vgg_19": Case("network_steps", "a step at conv3_4, conv5_4 and fc8"),
    "inception_v3": Case("network_steps", "a step at Mixed_6e"),
    "resnet_v2_101": Case("network_steps", "a step at block3"),
    "mobilenet_v1_025": Case("network_steps", "a step at its last convolution"),
    "word_aliased": Case("network_steps", "a step of the auditory CNN at conv_4 and logits"),
    "word_reduced_aliasing": Case("network_steps", "the same with reduced aliasing"),
    "small_networks": Case("network_steps", "a step of each of the small networks, 16 signals at once"),
    "cochleagram": Case("cochleagrams", "forward and gradient, 171 and 211 filters"),
    "one_channel_gradient": Case(
        "one_channel_gradient", "gradient to a cochleagram through a first convolution"
    ),
    "null": Case("null_distribution", "a null distribution, and what a million pairs would take"),
    "start_up": Case("start_up", "importing, --help, and the first step of a search"),
    "costs": Case("costs", "a step by batch size, length of a sound and size of an image, as a plot"),
    "evaluations": Case("evaluations", "evaluations of L-BFGS to the loss of Adam's iterations", long=True),
    "training": Case("training", "a training step of an auditory CNN, and its input", long=True),
}


def chosen(cases: Sequence[str]) -> list[str]:
    """The names of the cases to run; "all" stands for those that are not long.

    Raises:
      InputError: there is no such case.
    """
    found = []
    for name in cases:
        if name == "all":
            found += [case for case in CASES if not CASES[case].long]
        elif name in CASES:
            found.append(name)
        else:
            raise InputError(f"--cases={name}: expected all or some of {', '.join(CASES)}")
    return list(dict.fromkeys(found))


def check_networks(names: Sequence[str]) -> None:
    """Refuses networks that the catalog does not have.

    Raises:
      UnknownNetworkError: the message lists all names.
    """
    for name in names:
        if name not in networks():
            raise UnknownNetworkError(f"--networks={name}: expected some of {', '.join(networks())}")


def run(name: str, settings: Settings) -> Result:
    """Runs a case in this process."""
    module = importlib.import_module(f"benchmarks.cases.{CASES[name].module}")
    return module.run(name, settings)
