"""What the user may set."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Settings:
    """For all cases; the flags of `python -m benchmarks` tell which case takes what.

    Attributes:
      rounds: that every contender is timed.
      seconds: that a contender runs in a round, at least one repetition.
      networks: names of the catalog; empty for a case's own.
      checkpoint: of these networks; None for a case's own.
      layers: of these networks; empty for a case's own.
      batch_size: signals of a step; 0 for a case's own.
      ways: whether a step is timed in the other ways too that make_metamers offers.
      inputs: files and folders of natural signals; empty for those that come with the package.
      stimuli: natural signals that metamers are searched for.
      iterations: of Adam, whose loss is to be reached.
      evaluations: that L-BFGS may take for it.
      pairs: of a null distribution.
      memory_gb: for its ranks.
      clips: of a made-up training set.
      mixed_precision: training with kernels in bfloat16.
      frontend_decimation: of the front end in training.
    """

    rounds: int = 5
    seconds: float = 0.5
    networks: tuple[str, ...] = ()
    checkpoint: str | None = None
    layers: tuple[str, ...] = ()
    batch_size: int = 0
    ways: bool = False
    inputs: tuple[str, ...] = ()
    stimuli: int = 5
    iterations: int = 15_000
    evaluations: int = 5000
    pairs: int = 71_400
    memory_gb: float = 4.0
    clips: int = 512
    mixed_precision: bool = False
    frontend_decimation: int = 1
