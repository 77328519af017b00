"""The numbers that the authors' TensorFlow 1.13 notebooks printed, and ours beside them."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model_metamers import criteria, runs
from model_metamers.criteria.null import NullDistribution
from model_metamers.runs import results
from model_metamers.synthesis.config import SynthesisConfig

if TYPE_CHECKING:
    from model_metamers.networks.network import Network
    from model_metamers.synthesis.metamer import Metamer

NUMBERS = Path(__file__).with_name("data") / "original_tf_numbers.json"

# What counts as agreement; the manual of compare_with_original says why.
START_TOLERANCE = 0.1
LOSS_FACTOR = 2.0
RHO_TOLERANCE = 0.01
_RANGE_TOLERANCE = 1e-6  # the notebook printed six decimals


@dataclasses.dataclass(frozen=True)
class OriginalCase:
    """One metamer of the authors' notebooks.

    Attributes:
      network, layer: names in the catalog.
      original_layer: the authors' name of the layer.
      notebook: the notebook with the numbers.
      stimulus, stimulus_sha256: file in the authors' repository, and its digest.
      target_minimum, target_maximum: smallest and largest value of the loaded picture; None for
        the sound.
      spearman_layer, spearman_logits: rho at the layer and at the logits; None where the notebook
        does not have it.
      same_class, outside_null: the results of the authors' two checks.
      iterations, loss: the printed losses, and the iterations they belong to.
    """

    network: str
    layer: str
    original_layer: str
    notebook: str
    stimulus: str
    stimulus_sha256: str
    target_minimum: float | None
    target_maximum: float | None
    spearman_layer: float | None
    spearman_logits: float | None
    same_class: bool
    outside_null: bool
    iterations: tuple[int, ...]
    loss: tuple[float, ...]


def read_source() -> dict[str, str]:
    """Where the numbers come from: repository, commit, software, and how they were read."""
    return json.loads(NUMBERS.read_text(encoding="utf-8"))["source"]


def read_cases(network: str) -> list[OriginalCase]:
    """The recorded metamers of a network, early layer first."""
    cases = json.loads(NUMBERS.read_text(encoding="utf-8"))["cases"]
    return [
        OriginalCase(**{**case, "iterations": tuple(case["iterations"]), "loss": tuple(case["loss"])})
        for case in cases
        if case["network"] == network
    ]


def plan(
    case: OriginalCase,
    network: Network,
    target: np.ndarray,
    config: SynthesisConfig,
    out: Path,
    null: NullDistribution | None = None,
) -> runs.Run:
    """The run that makes our metamer of a case.

    Args:
      case: the original's metamer.
      network: our network, with the original's weights.
      target: the stimulus, as the network takes it.
      config: settings of the search.
      out: folder; the metamer is written to `<network>/<layer>/<stimulus>` in it.
      null: null distribution for the verdict; None leaves that condition out.
    """
    stimulus = Path(case.stimulus).stem
    return runs.Run(network, (case.layer,), {stimulus: target}, {}, out, config, batch_size=1, null=null)


def compare(case: OriginalCase, run: runs.Run, same_stimulus: bool = True) -> dict[str, Any]:
    """Compares our metamer of a case, which is made already, with the original.

    Args:
      case: the original's metamer.
      run: the run that made ours; see `plan`.
      same_stimulus: whether the target is the original's; otherwise nothing follows from
        agreement.

    Returns:
      Plain values, such as `rows` (iteration, original_loss, loss, ratio), `checks`, `agrees`,
      `sentence`, and `metamer`, its folder.

    Raises:
      InputError: our metamer is missing.
    """
    network, null = run.network, run.null
    folder = run.folder.metamer(case.layer, *run.stimuli).path
    metamer = results.load(folder)
    rows, checks = loss_rows(case, metamer), make_checks(case, metamer, network.logits_stage, null)
    finished = metamer.iterations >= case.iterations[-1]
    agrees = all(check["agrees"] for check in checks) if same_stimulus and finished else None
    return {
        "network": network.name,
        "checkpoint": network.checkpoint_digest,
        "layer": case.layer,
        "original_layer": case.original_layer,
        "notebook": case.notebook,
        "stimulus": case.stimulus,
        "same_stimulus": same_stimulus,
        "seed": run.config.seed,
        "metamer": str(folder.relative_to(run.out)),
        "original": {"iterations": list(case.iterations), "loss": list(case.loss)},
        "rows": rows,
        "checks": checks,
        "agrees": agrees,
        "sentence": _sentence(case, metamer, checks, same_stimulus),
    }


def loss_rows(case: OriginalCase, metamer: Metamer) -> list[dict[str, Any]]:
    """Both losses and their ratio, for all iterations with a loss in both traces."""
    ours = dict(zip(metamer.loss_iterations.tolist(), metamer.loss.tolist(), strict=True))
    return [
        {"iteration": i, "original_loss": loss, "loss": ours[i], "ratio": ours[i] / loss}
        for i, loss in zip(case.iterations, case.loss, strict=True)
        if i in ours
    ]


def make_checks(
    case: OriginalCase, metamer: Metamer, logits: str, null: NullDistribution | None
) -> list[dict[str, Any]]:
    """All checks that the recorded numbers allow; those of the end only where the search is complete."""
    rows = loss_rows(case, metamer)
    checks = []
    if case.target_minimum is not None and case.target_maximum is not None:
        for name, limit, ours in (
            ("minimum of the target", case.target_minimum, float(metamer.target.min())),
            ("maximum of the target", case.target_maximum, float(metamer.target.max())),
        ):
            checks.append(_check(name, limit, ours, abs(ours - limit) <= _RANGE_TOLERANCE))
    start = abs(rows[0]["ratio"] - 1) <= START_TOLERANCE
    checks.append(_check("loss of the noise", rows[0]["original_loss"], rows[0]["loss"], start))
    factors = [_factor(row["ratio"]) for row in rows[1:]]
    if factors:
        middle = float(np.median(factors))
        checks.append(_check("typical factor between the losses", 1.0, middle, middle <= LOSS_FACTOR))
    if metamer.iterations < case.iterations[-1]:
        return checks
    last = rows[-1]
    agrees = _factor(last["ratio"]) <= LOSS_FACTOR
    checks.append(_check("final loss", last["original_loss"], last["loss"], agrees))
    for name, original, layer in (
        (f"rho at {case.layer}", case.spearman_layer, case.layer),
        (f"rho at {logits}", case.spearman_logits, logits),
    ):
        if original is not None:
            ours = metamer.spearman[layer]
            checks.append(_check(name, original, ours, abs(ours - original) <= RHO_TOLERANCE))
    same = metamer.measurement.same_class
    checks.append(_check("same class", case.same_class, same, same == case.same_class))
    if null is not None:
        above = criteria.check(metamer, null).above_null
        checks.append(_check("above the null", case.outside_null, above, above == case.outside_null))
    return checks


def _factor(ratio: float) -> float:
    """The factor between two losses, at least 1, from their ratio; infinite where one is zero."""
    return max(ratio, 1 / ratio) if 0 < ratio < math.inf else math.inf


def _check(name: str, original: Any, ours: Any, agrees: bool) -> dict[str, Any]:
    return {"check": name, "original": original, "ours": ours, "agrees": bool(agrees)}


def _sentence(case: OriginalCase, metamer: Metamer, checks: list[dict[str, Any]], same_stimulus: bool) -> str:
    where = f"{case.network} {case.layer}"
    if not same_stimulus:
        return f"{where}: the stimulus is not the original's, so nothing follows from the comparison."
    failed = [check["check"] for check in checks if not check["agrees"]]
    done, asked = metamer.iterations, case.iterations[-1]
    if done < asked:
        so_far = f"differs in: {', '.join(failed)}" if failed else "agrees"
        return f"{where}: after {done} of {asked} iterations ours {so_far}; the end is not compared."
    if failed:
        return f"{where}: ours does not agree with the original; it differs in: {', '.join(failed)}."
    return f"{where}: ours agrees with the original in all {len(checks)} checks."
