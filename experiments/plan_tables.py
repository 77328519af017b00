"""What --plan prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from model_metamers_experiments import binary

if TYPE_CHECKING:
    from model_metamers.runs.null_planning import NullPlan
    from model_metamers.runs.planning import Plan


def print_plan(plan: Plan, workers: int) -> None:
    """Batches by layer, and what all of it takes with some workers."""
    if not plan.units:
        print(f"Nothing is left to search for: all {plan.there} metamers are there.")
        return
    most = "at most " if plan.is_bound else ""
    rows = [["layer", "batches", "metamers", "s to compile", "ms a step", f"{most}minutes"]]
    for layer in dict.fromkeys(unit.layer for unit in plan.units):
        units = [unit for unit in plan.units if unit.layer == layer]
        costs = [cost for (name, _), cost in plan.costs.items() if name == layer]
        once, step = sum(cost.once for cost in costs), max(cost.step for cost in costs)
        took = once + sum(map(plan.of_unit, units))
        count = sum(unit.size for unit in units)
        rows.append(
            [layer, str(len(units)), str(count), f"{once:.1f}", f"{1000 * step:.3g}", f"{took / 60:.3g}"]
        )
    binary.print_table(rows)
    page = plan.page * (plan.metamers + plan.there)
    print(
        f"{len(plan.units)} batches, {plan.metamers} metamers, each of {most}{plan.most_steps} steps; "
        f"{plan.there} are there.\n"
        f"{_why_at_most(plan)}"
        f"Beside them: {plan.start:.0f} s to start, {plan.null:.0f} s for the null distribution, "
        f"{page:.0f} s for the page.\n"
        f"All of it by one process as fast as this one was now: {most}{duration(plan.seconds())}."
    )
    if workers > 1:
        alone = f"By {workers} such processes that do not slow each other down"
        print(f"{alone}: {most}{duration(plan.seconds(workers))}.")
    print(f"Disk: {size(plan.disk)}. Memory of a process: {size(plan.memory)}.")


def _why_at_most(plan: Plan) -> str:
    """What may make searches shorter than is planned, as a line; "" where nothing may."""
    reasons = ["--stop_when may end a search before"] * plan.ends_early
    if plan.starts > 1:
        reasons.append(
            f"only what is stuck is searched again, from {plan.starts} starts of {plan.steps} steps"
        )
    return f"At most: {'; '.join(reasons)}.\n" if reasons else ""


def print_null_plan(plan: NullPlan, workers: int) -> None:
    """What a null distribution takes with some workers."""
    if not plan.blocks:
        print(f"Nothing is left to measure: all {plan.all_blocks} blocks are there.")
        return
    stimuli, pairs = (sum(block[i] for block in plan.blocks) for i in (1, 2))
    print(
        f"{len(plan.blocks)} of {plan.all_blocks} blocks are to be measured: {stimuli:,} stimuli, "
        f"{pairs:,} pairs.\n"
        f"A stimulus takes {1000 * plan.stimulus:.3g} ms at all layers, a pair {1e6 * plan.pair:.3g} us. "
        f"Beside them: {plan.start + plan.once:.0f} s to start, {plan.end:.0f} s at the end.\n"
        f"All of it by one process as fast as this one was now: {duration(plan.seconds())}."
    )
    if workers > 1:
        alone = f"By {workers} such processes that do not slow each other down"
        print(f"{alone}: {duration(plan.seconds(workers))}.")
    print(f"Disk meanwhile: {size(plan.disk)}. Memory of a process: {size(plan.memory)}.")


def duration(seconds: float) -> str:
    """A time for people: "48 s", "2.3 minutes", "6.1 hours", "12 days"."""
    for unit, length, until in (("s", 1, 90), ("minutes", 60, 90), ("hours", 3600, 48)):
        if seconds < until * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds / 86_400:.3g} days"


def size(count: float) -> str:
    """Bytes for people: "3.2 MB", "1.1 GB"."""
    for unit, length in (("kB", 1e3), ("MB", 1e6)):
        if count < 1000 * length:
            return f"{count / length:.3g} {unit}"
    return f"{count / 1e9:.3g} GB"
