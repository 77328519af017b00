"""How often the claims of the reproduction err, and what they find, where the truth is known.

  python -m benchmarks.simulated_claims
  python -m benchmarks.simulated_claims --runs=200 --stimuli=5,16
  python -m benchmarks.simulated_claims --claims=1,2 --only=effects

Every run draws answers (or rho) to all stimuli, gives them to the claim's own comparisons, and asks for the
verdict; the rule of two standard errors, by which claims 1 to 8 were decided before, is asked about the
same. First where there is nothing to be found, so that a claim that "holds" is an error; then with true
differences, where it is not. `benchmarks/claim_cases.py` says what is drawn.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from benchmarks.claim_cases import Case, with_effect, without_effect
from model_metamers_experiments.reproduction import contrasts
from model_metamers_experiments.reproduction.contrasts import HOLDS
from model_metamers_experiments.reproduction.statements import STATEMENTS

EFFECTS = (0.1, 0.2, 0.4)


def rates(case: Case, stimuli: int, runs: int, seed: int = 0) -> tuple[float, float, float]:
    """Shares of runs in which the claim holds, any of its comparisons does, and it held by the rule before.

    The last is NaN of a claim that was not there.
    """
    random = np.random.default_rng([seed, case.claim, stimuli])
    every = STATEMENTS[case.claim].every
    held = np.zeros(3)
    for _ in range(runs):
        comparisons = case.compared(random, stimuli)
        said = contrasts.verdicts(comparisons)
        held += (contrasts.combined(said, every) == HOLDS, HOLDS in said, 0)
        if case.before:
            held[2] += contrasts.combined(case.before(comparisons), case.claim in (1, 6)) == HOLDS
    new, any_of_them, before = (held / runs).tolist()
    return new, any_of_them, before if case.before else float("nan")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--runs", type=int, default=2000, help="Without an effect; with one, a quarter of it."
    )
    parser.add_argument("--stimuli", default="5,9,16,40", help="Numbers of stimuli.")
    parser.add_argument("--claims", default="", help="Their numbers; without it, all.")
    parser.add_argument("--only", choices=("errors", "effects"), help="Half of it.")
    asked = parser.parse_args(arguments)
    stimuli = [int(number) for number in asked.stimuli.split(",")]
    claims_asked = [int(number) for number in asked.claims.split(",") if number] or list(STATEMENTS)
    if asked.only != "effects":
        print(f"Nothing to be found: % of {asked.runs} runs in which the claim holds (by the rule before)\n")
        _table(without_effect(), claims_asked, stimuli, asked.runs)
    for effect in EFFECTS if asked.only != "errors" else ():
        runs = max(1, asked.runs // 4)
        print(f"\nA true difference of {effect}: % of {runs} runs in which it holds (by the rule before)\n")
        _table(with_effect(effect), claims_asked, stimuli, runs)


def _table(cases: Sequence[Case], claims_asked: Sequence[int], stimuli: Sequence[int], runs: int) -> None:
    _print(["claim", "truth", *(f"n {number}" for number in stimuli)])
    for case in cases:
        if case.claim in claims_asked:
            _print([str(case.claim), case.truth, *(_cell(case, n, runs) for n in stimuli)])


def _cell(case: Case, stimuli: int, runs: int) -> str:
    """In per cent: the claim holds; and by the rule before."""
    new, _, before = rates(case, stimuli, runs)
    return f"{100 * new:.1f}" + ("" if np.isnan(before) else f" ({100 * before:.1f})")


def _print(cells: Sequence[str]) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
