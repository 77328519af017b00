"""Decision rules: from a network's logits to the answer that is right or wrong.

Every rule walks down the sorted logits to the first class that is an answer. They differ
in which classes are: all of them, those of the 16 categories, or those of a list.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from model_metamers.errors import InputError
from model_metamers.recognition.sixteen import imagenet_classes, sixteen_categories

if TYPE_CHECKING:
    from model_metamers.networks.network import Network

# Classes that stand for "none of them", which nothing natural is (docs/sources.md 1d, 4d).
NO_CLASS = ("background", "__nullSignal__")

_log = logging.getLogger(__name__)


@functools.cache
def imagenet_labels() -> tuple[str, ...]:
    """The 1000 ILSVRC classes; of a name that stands twice, with the index: "crane (134)"."""
    names = imagenet_classes()
    counts = collections.Counter(names)
    return tuple(f"{name} ({i})" if counts[name] > 1 else name for i, name in enumerate(names))


def class_labels(classes: Sequence[str]) -> tuple[str, ...]:
    """A network's classes under names that mean the same in every network.

    Classes in ImageNet's order, the background first or not, are told apart by their
    index; others by their name.

    Raises:
      InputError: a name stands twice in another order, so that nobody knows which is which.
    """
    classes, names = tuple(classes), imagenet_classes()
    if classes == names:
        return imagenet_labels()
    if classes == (NO_CLASS[0], *names):
        return (NO_CLASS[0], *imagenet_labels())
    twice = [name for name, count in collections.Counter(classes).items() if count > 1]
    if twice:
        labels = [label for label in imagenet_labels() if label.rpartition(" (")[0] in twice]
        known = f", such as {' and '.join(labels[:2])}" if labels else ""
        raise InputError(
            f"several classes are called {', '.join(twice)}; give them names of their own{known}"
        )
    return classes


def label_of(name: str, index: int | None) -> str | None:
    """The class label of a name that a network gave to one of its logits.

    Returns:
      The name; where ImageNet has it twice, that with the index; None where the index,
      which may count a background, does not settle it.
    """
    twice = [i for i, other in enumerate(imagenet_classes()) if other == name]
    meant = [i for i in (index, (index or 0) - 1) if i in twice] if len(twice) > 1 else []
    if not meant:
        return name
    return imagenet_labels()[meant[0]] if len(meant) == 1 else None


@dataclasses.dataclass(frozen=True)
class Decision:
    """A rule.

    Attributes:
      name: "fine", "sixteen", "sixteen_by_name" or "classes".
      answers: the answer that each class label stands for; None where each is its own.
    """

    name: str
    answers: Mapping[str, str] | None = None

    def answer_of(self, label: str | None) -> str | None:
        """The answer that a class label stands for; None where it stands for none."""
        if self.answers is None or label is None:
            return label
        return self.answers.get(label)

    def of_network(self, network: Network) -> tuple[str | None, ...]:
        """The answer that each of a network's logits stands for, None for none.

        A network whose classes are texts has no such logits: an empty tuple.

        Raises:
          InputError: the rule cannot be asked of this network.
        """
        if not network.classes:
            _check_texts(network, self)
            return ()
        try:
            labels = class_labels(network.classes)
        except InputError as error:
            raise InputError(f"{network.name}: {error}") from error
        answers = tuple(self.answer_of(label) for label in labels)
        if self.answers is not None:
            self._check_answers(network.name, self.answers, set(labels), set(answers))
        return answers

    def chance(self, network: Network) -> float:
        """Probability of a right guess; NaN where a network answers with texts."""
        possible = set(self.of_network(network)) - {None, *NO_CLASS}
        return 1 / len(possible) if possible else float("nan")

    def _check_answers(
        self, network: str, wanted: Mapping[str, str], labels: set[str], possible: set[str | None]
    ) -> None:
        missing = sorted(set(wanted.values()) - possible)
        if not missing:
            return
        several = sorted(label for label in labels if label.rpartition(" (")[0] in missing)
        if several:
            raise InputError(f"{network}: say which class is meant of {', '.join(several)}")
        if self.name != "classes" or len(possible - {None}) < 2:
            raise InputError(f"{network}: no class of it stands for {_some(missing)}")
        _log.info(
            "%s does not know %d of the %d classes of the list: %s",
            network,
            len(missing),
            len(wanted),
            _some(missing),
        )


def decision(categories: str | Sequence[str] | None) -> Decision:
    """The rule of a name, or that of a list of classes.

    Args:
      categories: None or "fine" for all classes of the network; "sixteen" for the 16
        categories (docs/sources.md 4d), "sixteen_by_name" for them as the authors' code maps them; or
        the class labels that may be answered, such as the words of a listening test.

    Raises:
      InputError: another name, or fewer than two classes.
    """
    if categories is None or categories == "fine":
        return Decision("fine")
    if categories in ("sixteen", "sixteen_by_name"):
        members = sixteen_categories(by_name=categories == "sixteen_by_name")
        labels = imagenet_labels()
        answers = {labels[i]: category for category, indices in members.items() for i in indices}
        # A truth, or a network's class, may be the category itself.
        return Decision(categories, {**answers, **{category: category for category in members}})
    if isinstance(categories, str):
        raise InputError(
            f"categories={categories!r}: expected fine, sixteen, sixteen_by_name or a list of classes"
        )
    names = list(dict.fromkeys(categories))
    if len(names) < 2:
        raise InputError(f"{len(names)} classes to choose from; expected two or more")
    return Decision("classes", {name: name for name in names})


def decide(network: Network, logits: np.ndarray, rule: Decision) -> list[str]:
    """A network's answers.

    Args:
      network: whose logits they are.
      logits: [signals, classes], or what the network's `label` takes.
      rule: of the decision. Of equal logits the first class wins.

    Raises:
      InputError: the rule cannot be asked of this network, or a logit is NaN.
    """
    answers = rule.of_network(network)
    if np.isnan(logits).any():
        raise InputError(f"{network.name}: its logits are NaN")
    if not answers:
        return [text for _, text in network.label(logits) or []]
    places = np.array([place for place, answer in enumerate(answers) if answer is not None])
    flat = np.reshape(logits, [len(logits), -1])
    return [answers[places[best]] for best in flat[:, places].argmax(axis=1)]


def _check_texts(network: Network, rule: Decision) -> None:
    if not network.answers_with_texts:
        raise InputError(
            f"{network.name} names no classes, so it recognises nothing and cannot judge; a network that "
            f"answers with texts says so by answers_with_texts = True"
        )
    if rule.answers is not None:
        raise InputError(f"{network.name} answers with texts; the decision {rule.name!r} needs classes")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
