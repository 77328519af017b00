"""Simulated observers, who take part through a server as people do, and are marked as simulated there."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import requests

from model_metamers.errors import InputError
from model_metamers.people.grading import HEADPHONE_CHOICES
from model_metamers.people.loaded_study import LoadedStudy
from model_metamers.people.simulated import times
from model_metamers.people.study import Trial

_TIMEOUT_S = 60.0


def accuracies(loaded: LoadedStudy, given: float | Mapping[str, float]) -> dict[str, float]:
    """How often each condition is recognised.

    Args:
      loaded: the study.
      given: for all conditions, or by condition; more than the study has are passed over.

    Raises:
      InputError: a condition is missing, or a value is not within 0 and 1.
    """
    conditions = sorted(
        {
            loaded.shown[trial.file].condition
            for trials in loaded.lists
            for trial in trials
            if trial.part == "main"
        }
    )
    by_condition = given if isinstance(given, Mapping) else dict.fromkeys(conditions, given)
    missing = [condition for condition in conditions if condition not in by_condition]
    if missing:
        raise InputError(f"no accuracy of {len(missing)} conditions, {missing[0]!r} first; give one for each")
    wrong = [condition for condition in conditions if not 0 <= by_condition[condition] <= 1]
    if wrong:
        told = by_condition[wrong[0]]
        raise InputError(f"accuracy of {wrong[0]!r} is {told}, expected a proportion from 0 to 1")
    return {condition: by_condition[condition] for condition in conditions}


@dataclasses.dataclass(frozen=True)
class Observer:
    """One simulated observer.

    Main trials are answered rightly with the probability of their condition, else with another choice,
    each as likely; all other trials are answered rightly.

    Attributes:
      loaded: the study with its truths, which no page is told.
      accuracy: by condition.
      seed: of all observers.
      number: of this one.
    """

    loaded: LoadedStudy
    accuracy: Mapping[str, float]
    seed: int
    number: int

    @property
    def code(self) -> str:
        """By which the server knows the observer; the same one goes on where it stopped."""
        return f"simulated-{self.seed}-{self.number}"

    def answers(self, trials: Sequence[Trial]) -> list[dict[str, Any]]:
        """What is sent for each trial, but for the token."""
        random = np.random.default_rng([self.seed, self.number])
        return [self._answer(trial, random) for trial in trials]

    def _answer(self, trial: Trial, random: np.random.Generator) -> dict[str, Any]:
        shown, study = self.loaded.shown[trial.file], self.loaded.study
        choices = HEADPHONE_CHOICES if trial.part == "headphones" else study.choices
        others = [choice for choice in choices if choice != shown.truth]
        chance, other = random.random(), random.integers(len(others))
        right = trial.part != "main" or chance < self.accuracy[shown.condition]
        return {
            "position": trial.position,
            "answer": shown.truth if right else others[other],
            **times(study.timing, random),
            "events": [],
        }


def take_part(url: str, observer: Observer, comments: str, told: Callable[[], None] = lambda: None) -> str:
    """Lets an observer go through a session, or on with it; returns how it ended.

    Args:
      url: of the server.
      observer: who takes part.
      comments: at the end.
      told: called after each answer.

    Raises:
      InputError: no server there, another study's, or it refuses; what it says is repeated.
    """
    with requests.Session() as http:
        entry = {"code": observer.code, "source": "code", "simulated": True}
        session = _post(http, url, "session", entry)
        if session["ended"]:
            return session["ended"]
        trials = [Trial(**trial) for trial in session["trials"]]
        if not all(trial.file in observer.loaded.shown for trial in trials):
            raise InputError(f"{url}: serves another study; choose the --study that it serves")
        for sent in observer.answers(trials)[session["position"] :]:
            reply = _post(http, url, "answer", {"token": session["token"], **sent})
            told()
            ended = reply["part_ended"]
            if ended and ended["passed"] is False:
                return f"failed_{ended['part']}"
        _post(http, url, "finish", {"token": session["token"], "comments": comments})
        return "finished"


def _post(http: requests.Session, url: str, what: str, body: Mapping[str, Any]) -> dict[str, Any]:
    try:
        reply = http.post(f"{url.rstrip('/')}/api/{what}", json=dict(body), timeout=_TIMEOUT_S)
        value = reply.json()
    except (requests.RequestException, ValueError) as error:
        raise InputError(
            f"{url}: no server of serve_human_experiment answers ({type(error).__name__})"
        ) from error
    if reply.status_code != 200:
        raise InputError(f"{url}: refuses ({reply.status_code}): {value.get('error', 'no reason given')}")
    return value
