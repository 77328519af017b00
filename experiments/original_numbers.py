"""The numbers that the authors' TensorFlow 1.13 notebooks printed, and ours beside them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from model_metamers import criteria, runs
from model_metamers.criteria.null import NullDistribution
from model_metamers.runs import results
from model_metamers.statistics import among_seeds
from model_metamers.synthesis.config import SynthesisConfig

if TYPE_CHECKING:
    from model_metamers.networks.network import Network
    from model_metamers.synthesis.metamer import Metamer

NUMBERS = Path(__file__).with_name("data") / "original_tf_numbers.json"

# What counts as agreement; the manual of compare_with_original says why.
START_TOLERANCE = 0.1
PROBABILITY = 0.95  # that all placed numbers of a metamer lie among ours, where there is no difference
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


def plans(
    case: OriginalCase,
    network: Network,
    target: np.ndarray,
    config: SynthesisConfig,
    out: Path,
    null: NullDistribution | None = None,
    seeds: int = 1,
) -> list[runs.Run]:
    """The runs that make our metamers of a case, one for each seed.

    Args:
      case: the original's metamer.
      network: our network, with the original's weights.
      target: the stimulus, as the network takes it.
      config: settings of the searches; its seed is the first one.
      out: folder. The first metamer is written to `<network>/<layer>/<stimulus>` in it, those of further
        seeds to the same below `seed_<seed>`.
      null: null distribution for the verdict; None leaves that condition out.
      seeds: how many.
    """
    stimulus = Path(case.stimulus).stem
    return [
        runs.Run(
            network,
            (case.layer,),
            {stimulus: target},
            {},
            out / f"seed_{seed}" if seed > config.seed else out,
            dataclasses.replace(config, seed=seed),
            batch_size=1,
            null=null,
        )
        for seed in range(config.seed, config.seed + seeds)
    ]


def compare(
    case: OriginalCase, made: Sequence[runs.Run], out: Path, same_stimulus: bool = True
) -> dict[str, Any]:
    """Compares our metamers of a case, which are made already, with the original.

    Args:
      case: the original's metamer.
      made: the runs that made ours; see `plans`.
      out: folder below which they lie.
      same_stimulus: whether the target is the original's; otherwise nothing follows from
        agreement.

    Returns:
      What was compared, to be written as JSON: of each of `seeds` the folder of its `metamer` and the
      `rows` (iteration, both losses, their ratio); `checks`; `agrees`, None where it cannot be told;
      and a `sentence`.

    Raises:
      InputError: a metamer of ours is missing.
    """
    network, null = made[0].network, made[0].null
    folders = [run.folder.metamer(case.layer, *run.stimuli).path for run in made]
    metamers = [results.load(folder) for folder in folders]
    checks = make_checks(case, metamers, network.logits_stage, null)
    agrees = _agrees(case, metamers, checks) if same_stimulus else None
    return {
        "network": network.name,
        "checkpoint": network.checkpoint_digest,
        "layer": case.layer,
        "original_layer": case.original_layer,
        "notebook": case.notebook,
        "stimulus": case.stimulus,
        "same_stimulus": same_stimulus,
        "seeds": [
            {
                "seed": run.config.seed,
                "metamer": str(folder.relative_to(out)),
                "rows": loss_rows(case, metamer),
            }
            for run, folder, metamer in zip(made, folders, metamers, strict=True)
        ],
        "original": {"iterations": list(case.iterations), "loss": list(case.loss)},
        "checks": checks,
        "agrees": agrees,
        "sentence": _sentence(case, metamers, checks, same_stimulus),
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
    case: OriginalCase, metamers: Sequence[Metamer], logits: str, null: NullDistribution | None
) -> list[dict[str, Any]]:
    """All checks that the recorded numbers allow; those of the end only where the searches are complete.

    Each has what is checked (`check`), the `original`, `ours` (the median over seeds, or how many seeds
    agree), whether it `agrees` (None where it cannot be told), and, of what depends on the seed, its `place`
    among ours.
    """
    checks = []
    if case.target_minimum is not None and case.target_maximum is not None:
        target = metamers[0].target
        for name, limit, ours in (
            ("minimum of the target", case.target_minimum, float(target.min())),
            ("maximum of the target", case.target_maximum, float(target.max())),
        ):
            checks.append(_check(name, limit, ours, abs(ours - limit) <= _RANGE_TOLERANCE))
    rows = [loss_rows(case, metamer) for metamer in metamers]
    starts = [of_one[0]["loss"] for of_one in rows]
    start = float(np.median(starts))
    near = abs(start / case.loss[0] - 1) <= START_TOLERANCE
    checks.append(_check("loss of the noise", case.loss[0], start, near))
    placed = _placed(case, metamers, rows, logits)
    probability = 1 - (1 - PROBABILITY) / max(1, len(placed))
    for name, original, values, scale in placed:
        found = among_seeds.place(original, values, scale, probability)
        checks.append(
            _check(name, original, found.median, found.inside) | {"place": dataclasses.asdict(found)}
        )
    if not _finished(case, metamers):
        return checks
    checks.append(_most("same class", case.same_class, [m.measurement.same_class for m in metamers]))
    if null is not None:
        above = [criteria.check(metamer, null).above_null for metamer in metamers]
        checks.append(_most("above the null", case.outside_null, above))
    return checks


def _placed(
    case: OriginalCase, metamers: Sequence[Metamer], rows: Sequence[list[dict[str, Any]]], logits: str
) -> list[tuple[str, float, list[float], among_seeds.Scale]]:
    """What depends on the seed: its name, the original, ours of each seed, and the scale."""
    later = min(len(of_one) for of_one in rows)
    placed = []
    if later > 1:
        typical = [_typical([row["loss"] for row in of_one[1:later]]) for of_one in rows]
        theirs = _typical([row["original_loss"] for row in rows[0][1:later]])
        placed.append(("losses on the way", theirs, typical, among_seeds.LOSS))
    if not _finished(case, metamers):
        return placed
    placed.append(("final loss", case.loss[-1], [of_one[-1]["loss"] for of_one in rows], among_seeds.LOSS))
    for layer, original in ((case.layer, case.spearman_layer), (logits, case.spearman_logits)):
        if original is not None:
            ours = [metamer.spearman[layer] for metamer in metamers]
            placed.append((f"rho at {layer}", original, ours, among_seeds.RHO))
    return placed


def _typical(losses: Sequence[float]) -> float:
    """The geometric mean of losses, so that each step on the way weighs alike."""
    return float(10 ** np.mean([among_seeds.LOSS.to(loss) for loss in losses]))


def _finished(case: OriginalCase, metamers: Sequence[Metamer]) -> bool:
    return all(metamer.iterations >= case.iterations[-1] for metamer in metamers)


def _check(name: str, original: Any, ours: Any, agrees: bool | None) -> dict[str, Any]:
    return {
        "check": name,
        "original": original,
        "ours": ours,
        "agrees": None if agrees is None else bool(agrees),
    }


def _most(name: str, original: bool, ours: Sequence[bool | None]) -> dict[str, Any]:
    """Agrees where at least half of the seeds have the original's result."""
    same = sum(one == original for one in ours)
    return _check(name, original, f"{same} of {len(ours)} seeds", 2 * same >= len(ours))


def _agrees(case: OriginalCase, metamers: Sequence[Metamer], checks: Sequence[dict[str, Any]]) -> bool | None:
    """False where a check fails; True where all that there are hold; None where that cannot be told yet."""
    if any(check["agrees"] is False for check in checks):
        return False
    told = all(check["agrees"] for check in checks)
    return True if told and _finished(case, metamers) else None


def _sentence(
    case: OriginalCase, metamers: Sequence[Metamer], checks: Sequence[dict[str, Any]], same_stimulus: bool
) -> str:
    where = f"{case.network} {case.layer}"
    if not same_stimulus:
        return f"{where}: the stimulus is not the original's, so nothing follows from the comparison."
    failed = ", ".join(check["check"] for check in checks if check["agrees"] is False)
    seeds = f"{len(metamers)} seed{'s' if len(metamers) > 1 else ''}"
    done, asked = min(metamer.iterations for metamer in metamers), case.iterations[-1]
    if failed:
        return f"{where}: the original does not lie among ours of {seeds}; it differs in: {failed}."
    if done < asked:
        return f"{where}: after {done} of {asked} iterations ours agree; the end is not compared."
    if len(metamers) < among_seeds.FEWEST:
        return (
            f"{where}: nothing differs, but of {seeds} it cannot be told whether losses and rho do; "
            f"expected at least {among_seeds.FEWEST} seeds."
        )
    return f"{where}: the original lies among ours of {seeds} in all {len(checks)} checks."
