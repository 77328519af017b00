"""How a metamer is searched for."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from model_metamers.errors import InputError
from model_metamers.signals.arguments import check_range, number, one_of, seed_number, whole_number

if TYPE_CHECKING:
    from model_metamers.networks.network import Network

_DECAY_RATES = {"released": 0.95, "paper": 1.0}
# The loss of every iteration is kept, and TensorFlow counts them in 32 bits.
_MOST = {"iterations": 10**7, "log_every": 10**9, "save_every": 10**9, "starts": 1000}
_FASTEST = 10**6
# As records and folders of earlier runs have it.
_ADDED_LATER = {
    "precision": "float32",
    "frontend": "exact",
    "stop_when": None,
    "batch_norm": "separate",
    "convolutions": "direct",
    "starts": 1,
    "save_minutes": 5.0,
    "hidden_relu": "exact",
}
_MOST_LEAKY, _MOST_ROUNDED = 100, 500


@dataclasses.dataclass(frozen=True)
class SynthesisConfig:
    """How a metamer is searched for.

    Attributes:
      iterations: number of the optimiser's steps, at least 1.
      learning_rate: learning rate at the start; None takes the network's (0.001 for most).
      preset: "released" for the authors' code, where the rate is multiplied by 0.95^(step/1000)
        and image noise lies above the centre of the range; "paper" for the main text, with a
        constant rate and noise around the centre.
      learning_rate_decay: factor of the rate per 1000 steps; None takes the preset's.
      seed: seed of the noise that the search starts from, 0 to 2^32 - 1.
      relu_gradient: gradient of the ReLU at the end of the matched layer: "linear" is 1
        everywhere, "plain" is the ordinary one.
      optimizer: "adam" is the paper's; "lbfgs" is a quasi-Newton search that mostly comes as near
        in a fraction of the iterations, each of which is one evaluation of the network. It searches sounds
        in coordinates that follow the target's level over time and frequency.
      precision: "bfloat16" computes the network so while the search is a draft, which is faster on
        some hardware; signals, losses, and all but the network stay float32. It suits "adam": "lbfgs",
        which needs exact values, came less near with it.
      frontend: "fast" computes the cochleagram approximately while the search is a draft.
      stop_when: None searches through all iterations. "verdict" ends the search of a signal when its
        rho has been above the null maximum, with the target's class, at two checks in a row;
        "converged" when besides its least loss has fallen by less than 10 % over the last tenth of
        `iterations`. Checks are every 250 iterations of Adam, every 50 of L-BFGS. With a draft, only
        its exact part is checked. What "verdict" ends may lie just above the limit, and as a file, whose
        numbers are rounded, below it.
      batch_norm: "folded" makes batch normalisation part of the kernels before it, which is faster and
        the same function but for rounding; "separate" computes it as the network was trained.
      convolutions: "winograd" computes those of 3 x 3 at stride 1 with many channels by a quarter of the
        multiplications. It is the same function but for rounding; on a CPU, steps of VGG-19 are 1.8 times
        as fast, those of small networks hardly. XLA compiles it at first, and kernels of four times the
        size are kept. Not with "bfloat16". "direct" is TensorFlow's own operation.
      hidden_relu: "leaky" begins a search by "lbfgs" with an easier function: for the first tenth of the
        iterations, at most 100, ReLUs before the layer have a slope of 0.1 where they are flat. Without it
        the large first steps leave some units flat that the target's are not, and no gradient brings them
        back. "rounded" besides rounds off where ReLUs bend, for the first half, at most 500: a parabola
        over 0.3 standard deviations of the target's values to either side, so that what L-BFGS learns of
        the curvature lasts. The losses of these iterations are of those functions. At the one
        middle layer where that was tried, other networks recognised more metamers found with "rounded"
        than of Adam's (docs/measurements.md): take "exact" where recognition is compared. "exact" computes
        the network as it is.
      starts: noises that a signal may be searched from, at least 1. Beyond 1, a signal whose metamer does
        not meet the conditions (rho above the null maximum, and the target's class) at the end of its
        search is searched again from noise of another seed, up to that many in all. The first metamer
        that meets them is kept; if none does, the one of the lowest loss. `Metamer.starts` tells of all.
      log_every: iterations between entries of the loss trace.
      save_every: iterations between saved states.
      save_minutes: after so many minutes a state is saved even so; at least 0.1.

    With another precision or front end than "float32" and "exact", all but the last tenth of the
    iterations are a draft. The last tenth, rho, classes and the verdict are exact.

    Numbers may be NumPy's, and whole numbers may be written as 1e4; they become Python's own.

    Raises:
      InputError: a value is of the wrong kind or out of range.

    Example:
      >>> SynthesisConfig(iterations=1e3, preset="paper").iterations
      1000
    """

    iterations: int = 15000
    learning_rate: float | None = None
    preset: str = "released"
    learning_rate_decay: float | None = None
    seed: int = 0
    relu_gradient: str = "linear"
    log_every: int = 10
    save_every: int = 1000
    optimizer: str = "adam"
    precision: str = "float32"
    frontend: str = "exact"
    stop_when: str | None = None
    batch_norm: str = "separate"
    convolutions: str = "direct"
    starts: int = 1
    save_minutes: float = 5.0
    hidden_relu: str = "exact"

    def __post_init__(self) -> None:
        self._set("seed", seed_number("seed", self.seed))
        for field, most in _MOST.items():
            self._set(field, whole_number(field, getattr(self, field)))
            check_range(field, getattr(self, field), 1, most)
        for field in ("learning_rate", "learning_rate_decay"):
            if getattr(self, field) is not None:
                self._set(field, number(field, getattr(self, field)))
        for field, choices in (
            ("preset", tuple(_DECAY_RATES)),
            ("relu_gradient", ("linear", "plain")),
            ("optimizer", ("adam", "lbfgs")),
            ("precision", ("float32", "bfloat16")),
            ("frontend", ("exact", "fast")),
            ("stop_when", ("verdict", "converged")),
            ("batch_norm", ("separate", "folded")),
            ("convolutions", ("direct", "winograd")),
            ("hidden_relu", ("exact", "leaky", "rounded")),
        ):
            if field == "stop_when" and self.stop_when is None:
                continue
            self._set(field, one_of(field, getattr(self, field), choices))
        self._set("save_minutes", number("save_minutes", self.save_minutes))
        check_range("save_minutes", self.save_minutes, 0.1, 10**6)
        if self.learning_rate is not None and not 0 < self.learning_rate <= _FASTEST:
            raise InputError(f"learning_rate={self.learning_rate}: expected above 0, at most {_FASTEST:,}")
        if self.learning_rate_decay is not None and not 0 < self.learning_rate_decay <= 1:
            raise InputError(f"learning_rate_decay={self.learning_rate_decay}: expected in (0, 1]")

        if self.hidden_relu != "exact" and self.optimizer != "lbfgs":
            raise InputError(
                f"hidden_relu={self.hidden_relu}: searches by {self.optimizer} do not begin so; leave it "
                f"out, or take optimizer=lbfgs"
            )
        if self._drafts and self.stop_when == "converged":
            raise InputError(
                "stop_when=converged: the exact part of a search with a draft is too short for it; take "
                "verdict, or leave the draft out"
            )
        if self.precision != "float32" and self.convolutions != "direct":
            raise InputError(
                f"convolutions={self.convolutions}: computes in float32 alone; take precision=float32, or "
                f"convolutions=direct"
            )

    def _set(self, field: str, value: int | float | str) -> None:
        """Sets a field of this frozen class, to a value of a kind that JSON can hold."""
        object.__setattr__(self, field, value)

    def for_network(self, network: Network) -> SynthesisConfig:
        """The config with the values filled in that depend on the preset or the network.

        Raises:
          InputError: network or machine cannot compute in the ways that are asked for.
        """
        if self._drafts or self.batch_norm != "separate" or self.convolutions != "direct":
            network.check_ways(self.precision, self.frontend, self.batch_norm, self.convolutions)
        if self.hidden_relu != "exact" and not network.leaks:
            raise InputError(
                f"hidden_relu={self.hidden_relu}: {network.name} does not say that its ReLUs can leak; leave "
                f"it out, or where all of them are stages' outputs or gradients.clipped_relu, give its class "
                f"`leaks = True`"
            )
        rate = network.learning_rate if self.learning_rate is None else self.learning_rate
        decay = self.learning_rate_decay
        decay = _DECAY_RATES[self.preset] if decay is None else decay
        return dataclasses.replace(self, learning_rate=rate, learning_rate_decay=decay)

    @property
    def needs_null(self) -> str | None:
        """The setting by which verdicts decide the metamers, which takes a null distribution; or None."""
        if self.stop_when is not None:
            return f"stop_when={self.stop_when}"
        return f"starts={self.starts}" if self.starts > 1 else None

    @property
    def draft_iterations(self) -> int:
        """How many iterations are a draft; 0 where all are exact."""
        return self.iterations - -(-self.iterations // 10) if self._drafts else 0

    @property
    def leaky_iterations(self) -> int:
        """How many iterations the search begins with in which hidden ReLUs leak; 0 where none do."""
        return min(_MOST_LEAKY, self.iterations // 10) if self.hidden_relu != "exact" else 0

    @property
    def rounded_iterations(self) -> int:
        """How many it begins with in which their bends are rounded off, leaky ones included; or 0."""
        return min(_MOST_ROUNDED, self.iterations // 2) if self.hidden_relu == "rounded" else 0

    @property
    def eased_iterations(self) -> int:
        """How many it begins with whose losses are not of the network as it is, but for those of a draft."""
        return max(self.leaky_iterations, self.rounded_iterations)

    @property
    def _drafts(self) -> bool:
        return self.precision != "float32" or self.frontend != "exact"

    def values(self) -> dict[str, float | int | str | None]:
        """All values; those that later versions added only where they are not the default."""
        values = dataclasses.asdict(self)
        for field, default in _ADDED_LATER.items():
            if values[field] == default:
                del values[field]
        return values

    def identity(self) -> dict[str, float | int | str | None]:
        """The values that decide the result; when states are saved is not among them."""
        values = self.values()
        for field in ("save_every", "save_minutes"):
            values.pop(field, None)
        if self.optimizer == "adam":  # as folders of earlier runs have it
            del values["optimizer"]
        return values
