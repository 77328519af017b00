"""Single answers instead of proportions: logistic regressions with people as clusters.

Generalised estimating equations with answers of a person exchangeable, covariances corrected for few people
(Mancl & DeRouen 2001, doi:10.1111/j.0006-341X.2001.00126.x) and tests as of Hotelling's T squared (Pan & Wall
2002, doi:10.1002/sim.1142); and, where asked for, a Bayesian mixed model with effects of people and stimuli.
Coefficients are deviations from the mean over layers, networks or observers, so that every term has a meaning
of its own.
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import special

from model_metamers.people.plan import Contrast, layer_of, network_of

if TYPE_CHECKING:
    import pandas

_FACTORS = {
    "layer": ("layer",),
    "network_by_layer": ("network", "layer"),
    "observer_by_layer": ("observer", "layer"),
}


@dataclasses.dataclass(frozen=True)
class Row:
    """An answer, as the models take it.

    Attributes:
      person: number.
      observer: "people" or "network".
      condition: natural, or "NETWORK/LAYER".
      stimulus: name.
      correct: whether it is right.
    """

    person: int
    observer: str
    condition: str
    stimulus: str
    correct: bool


@dataclasses.dataclass(frozen=True)
class Term:
    """A test of a term of a model.

    Attributes:
      name: of the term, such as "observer x layer".
      wald: chi squared of its coefficients.
      f, df1, df2: that as Hotelling's T squared of as many people, wald (n - df1) / (df1 (n - 1)) with
        n - df1 degrees of freedom: chi squared itself finds far too much with few people.
      p: of the F distribution.
    """

    name: str
    wald: float
    f: float
    df1: int
    df2: int
    p: float


@dataclasses.dataclass(frozen=True)
class Coefficient:
    """A coefficient of a model, in logits: `estimate`, and standard error (posterior SD if mixed) `error`."""

    name: str
    estimate: float
    error: float


@dataclasses.dataclass(frozen=True)
class PerTrial:
    """What single answers tell of a planned test.

    Attributes:
      contrast: its name.
      formula: of the model.
      lme4: the same as a mixed model for lme4 in R, with the columns of `table`.
      file: that R reads the table from.
      table: the answers that it is made of: person, observer, cluster (who answered), network, layer (of
        matched layers the first network's), stimulus, correct.
      left_out: layers at which everybody was right, or wrong: their logits are not finite.
      terms: Wald tests.
      coefficients: of the estimating equations.
      mixed: of the mixed model; None where it was not asked for.
      not_made: why there is nothing of these; empty where there is.
    """

    contrast: str
    formula: str
    lme4: str
    file: str
    table: Sequence[Mapping[str, Any]]
    left_out: tuple[str, ...]
    terms: tuple[Term, ...]
    coefficients: tuple[Coefficient, ...]
    mixed: tuple[Coefficient, ...] | None
    not_made: str


def fit(
    contrast: Contrast, rows: Sequence[Row], mixed_model: bool = False, file: str = "trials.csv"
) -> PerTrial:
    """The models of a planned test.

    Args:
      contrast: planned.
      rows: all answers of people, and the networks' to the same; others than its own are passed over.
      mixed_model: whether the mixed model is fitted too, which takes minutes for thousands of answers.
      file: that R is told to read the table from.
    """
    everything = table = _table(contrast, rows)
    left_out = _constant_layers(table)
    table = [row for row in table if row["layer"] not in left_out]
    layers = {row["layer"] for row in table}
    formula = "correct ~ " + " * ".join(f"C({name}, Sum)" for name in _FACTORS[contrast.test])
    empty = PerTrial(
        contrast.name, formula, _lme4(contrast, file), file, everything, tuple(left_out), (), (), None, ""
    )
    if len(layers) < 2:
        told = "fewer than two layers at which some were right and some wrong"
        return dataclasses.replace(empty, not_made=told)
    clusters, widest = len({row["cluster"] for row in table}), _widest_term(contrast, table)
    if clusters <= widest:
        told = f"{clusters} people are too few for a term of {widest} coefficients"
        return dataclasses.replace(empty, not_made=told)
    try:
        terms, coefficients = _estimating_equations(formula, table, clusters)
    except (ArithmeticError, ValueError, np.linalg.LinAlgError) as error:
        return dataclasses.replace(empty, not_made=f"the estimating equations have no solution ({error})")
    mixed = _mixed_model(formula, table) if mixed_model else None
    return dataclasses.replace(empty, terms=terms, coefficients=coefficients, mixed=mixed)


def _table(contrast: Contrast, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The test's answers; matched layers of several networks bear the name of the first's."""
    places = {name: (line, k) for line, row in enumerate(contrast.conditions) for k, name in enumerate(row)}
    with_network = contrast.test == "observer_by_layer"
    table = []
    for row in rows:
        if row.condition in places and (with_network or row.observer == "people"):
            line, k = places[row.condition]
            table.append(
                {
                    "person": row.person,
                    # As in the analysis of variance, people and the network are two groups.
                    "cluster": f"{row.observer} {row.person}",
                    "observer": row.observer,
                    "network": network_of(contrast.conditions[line][-1]),
                    "layer": layer_of(contrast.conditions[0][k]),
                    "stimulus": row.stimulus,
                    "correct": int(row.correct),
                }
            )
    order = [layer_of(name) for name in contrast.conditions[0]]
    return sorted(table, key=lambda row: order.index(row["layer"]))


def _widest_term(contrast: Contrast, table: Sequence[dict[str, Any]]) -> int:
    """How many coefficients the term of the most has."""
    layers, networks = (len({row[name] for row in table}) for name in ("layer", "network"))
    return (layers - 1) * max(1, networks - 1)


def _constant_layers(table: Sequence[dict[str, Any]]) -> list[str]:
    """Layers at which the answers of one network or observer are all right or all wrong."""
    cells: dict[tuple[str, str, str], set[int]] = {}
    for row in table:
        cells.setdefault((row["layer"], row["network"], row["observer"]), set()).add(row["correct"])
    return list(dict.fromkeys(layer for (layer, _, _), values in cells.items() if len(values) == 1))


def _estimating_equations(
    formula: str, table: Sequence[dict[str, Any]], clusters: int
) -> tuple[tuple[Term, ...], tuple[Coefficient, ...]]:
    import statsmodels.api as sm

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of iterations; whether it converged is checked
        model = sm.GEE.from_formula(
            formula,
            groups="cluster",
            data=_frame(table),
            family=sm.families.Binomial(),
            cov_struct=sm.cov_struct.Exchangeable(),
        )
        fitted = model.fit(maxiter=200, cov_type="bias_reduced")
        if not np.isfinite(fitted.params).all() or not fitted.converged:
            raise ValueError("they do not converge")
        tests = fitted.wald_test_terms(scalar=True).table
    terms = tuple(
        _term(str(name), float(row["statistic"]), int(row["df_constraint"]), clusters)
        for name, row in tests.iterrows()
        if name != "Intercept"
    )
    errors = np.sqrt(np.diag(fitted.cov_params()))
    return terms, tuple(
        Coefficient(str(name), float(value), float(error))
        for (name, value), error in zip(fitted.params.items(), errors, strict=True)
    )


def _term(name: str, wald: float, width: int, clusters: int) -> Term:
    called = name.replace("C(", "").replace(", Sum)", "").replace(":", " x ")
    f = wald * (clusters - width) / (width * (clusters - 1))
    return Term(called, wald, f, width, clusters - width, float(special.fdtrc(width, clusters - width, f)))


def _frame(table: Sequence[dict[str, Any]]) -> pandas.DataFrame:
    """The answers, with the first layer, network and observer as those that others are compared with."""
    import pandas

    frame = pandas.DataFrame(table)
    for name in ("layer", "network", "observer"):
        frame[name] = pandas.Categorical(frame[name], categories=list(dict.fromkeys(frame[name])))
    return frame


def _mixed_model(formula: str, table: Sequence[dict[str, Any]]) -> tuple[Coefficient, ...]:
    """By variational Bayes; the SDs between people and stimuli, in logits, come out too small."""
    from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = BinomialBayesMixedGLM.from_formula(
            formula, {"person": "0 + C(person)", "stimulus": "0 + C(stimulus)"}, _frame(table)
        )
        fitted = model.fit_vb()
    fixed = zip(fitted.model.exog_names, fitted.fe_mean, fitted.fe_sd, strict=True)
    spread = zip(fitted.model.vcp_names, np.exp(fitted.vcp_mean), strict=True)
    return (
        *(Coefficient(str(name), float(value), float(error)) for name, value, error in fixed),
        *(Coefficient(f"SD between {name}", float(value), math.nan) for name, value in spread),
    )


def _lme4(contrast: Contrast, file: str) -> str:
    """The mixed model as lme4 fits it in R."""
    fixed = " * ".join(_FACTORS[contrast.test])
    random = "(1 | cluster) + (1 | stimulus)"
    return f'glmer(correct ~ {fixed} + {random}, family = binomial, data = read.csv("{file}"))'
