"""When training ends before its last epoch."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

from model_metamers.errors import InputError

# Section 3.3: both networks of a comparison are stopped at the same performance.
PAPER_TARGETS = {"word_accuracy": 0.57, "mean_auc": 0.83}


@dataclasses.dataclass(frozen=True)
class Stopping:
    """Ends training once every target is reached, or when a metric no longer improves.

    Attributes:
      targets: for each of these metrics, the value that is enough; empty for no such end.
      watched: name of the metric that must improve.
      patience: number of evaluations without an improvement of `watched` before the end; None
        waits for ever. It is 2 in the lab's code (docs/sources.md 1d).
      min_delta: a larger rise than this counts as an improvement.

    Raises:
      InputError: the patience is below 1, or there is none to watch.
    """

    targets: Mapping[str, float] = dataclasses.field(default_factory=dict)
    watched: str | None = None
    patience: int | None = None
    min_delta: float = 0.0

    def __post_init__(self):
        if self.patience is not None and (self.patience < 1 or not self.watched):
            raise InputError(f"patience={self.patience} needs 1 or more, and a watched metric")

    def check(self, metrics: Mapping[str, float]) -> None:
        """Raises InputError where a target or the watched metric is not among the metrics."""
        for name in [*self.targets, *([self.watched] if self.watched else [])]:
            if name not in metrics:
                raise InputError(f"training cannot stop at {name!r}; measured are {', '.join(metrics)}")

    def reason(self, history: Sequence[Mapping[str, float]]) -> str | None:
        """Why training ends after these evaluations (the oldest first); None while it goes on."""
        if not history:
            return None
        self.check(history[-1])
        if self.targets and all(_number(history[-1][n]) >= value for n, value in self.targets.items()):
            return ", ".join(f"{n} {history[-1][n]:.4f} reached {v:g}" for n, v in self.targets.items())
        if self.patience is None or self.watched is None:
            return None
        best, waited = -math.inf, 0
        for metrics in history:
            value = _number(metrics[self.watched])
            best, waited = (value, 0) if value > best + self.min_delta else (best, waited + 1)
        if waited >= self.patience:
            return f"{self.watched} did not improve in {waited} evaluations (best {best:.4f})"
        return None


def _number(metric: float | None) -> float:
    """The metric; one without a value (NaN, or None after it was saved) counts as lower than any other."""
    return -math.inf if metric is None or math.isnan(metric) else metric
