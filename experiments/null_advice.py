"""What is said at the end of a run whose null distribution is of few pairs."""

import shlex
from collections.abc import Sequence

import model_metamers as mm
from model_metamers.criteria.verdict import FEW_PAIRS


def advice(
    null: mm.NullDistribution | None,
    network: str,
    checkpoint: str | None = None,
    layers: Sequence[str] | None = None,
    signal: str | None = None,
    then: str = "the same command with --null=null judges anew what is there",
) -> str | None:
    """How to measure more pairs, in a line; None where there are enough.

    Args:
      null: that verdicts were given by; None where there was none.
      network, checkpoint, layers, signal: as the flags of make_null_distribution take them.
      then: what is done with it.
    """
    if null is None or null.pairs >= FEW_PAIRS:
        return None
    words = ["make_null_distribution", f"--network={network}"]
    words += [f"--checkpoint={checkpoint}"] * bool(checkpoint)
    words += [f"--signal={signal}"] * bool(signal)
    words += [f"--layers={','.join(layers or ())}"] * bool(layers)
    count = f"{null.pairs} pair{'s' * (null.pairs != 1)}"
    return (
        f"Verdicts rest on {count} of unrelated signals, which a few steps may exceed; 50 signals "
        f"make 1,225. To measure more: {shlex.join([*words, '--inputs=FOLDER', '--out=null'])}; then {then}."
    )
