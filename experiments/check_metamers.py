"""Judges a folder of metamers by the paper's two conditions.

  check_metamers --metamers=metamers --null=null --out=verdicts

Reads every metamer below --metamers and one or several null distributions (folders of
make_null_distribution, or `null.npz` of make_metamers), and writes `verdicts.csv` and
`verdicts.json` (a row for each metamer, with the reasons why one does not pass),
`table.csv` (Tables S4 and S5: for each network, its weights, and layer how many were made, gave the
target's class, exceeded the null maximum, and are included; mean and range of rho), and
`<network>_spearman.png` and `.pdf` (Figures S1 to S8: histograms of null and metamer rho
at each layer).

A metamer that cannot be judged, because a file is missing or foreign, or there is no
null distribution of its network, weights and layer, is named; the rest is done, and the
exit status is 1.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

import model_metamers as mm
from model_metamers.runs import inclusion, null_runs
from model_metamers.runs.folder import find_metamers
from model_metamers.storage import locks
from model_metamers.storage.writing import write_json, write_rows
from model_metamers_experiments import binary

_METAMERS = flags.DEFINE_string("metamers", None, "Folder with metamers, at any depth.", required=True)
_NULL = flags.DEFINE_list("null", None, "Null distributions.", required=True)
_OUT = flags.DEFINE_string("out", None, "Folder of verdicts, table and figures.", required=True)


def main() -> int:
    folder, out = Path(_METAMERS.value), Path(_OUT.value)
    if not folder.is_dir():
        raise mm.InputError(f"{folder}: no such folder")
    nulls = [null_runs.read(path) for path in _NULL.value]
    checked, problems = inclusion.check_folders(find_metamers(folder), nulls)
    for problem in problems:
        print(f"check_metamers: {problem}", file=sys.stderr)
    others = sum(one.other_null for one in checked)
    if others:
        told = f"{others} of {len(checked)} metamers hold the verdict of another null distribution"
        print(f"check_metamers: {told}; all are judged here by --null", file=sys.stderr)
    if not checked:
        raise mm.InputError(f"{folder}: none of its {len(problems)} metamers could be judged")
    rows = [item.row() for item in checked]
    order = list(dict.fromkeys(layer for null in nulls for layer in null.layers))
    table = inclusion.table(checked, order)
    with locks.hold(out):
        _write(out, rows, table, nulls)
    table = [{**row, "weights": _short(row["weights"])} for row in table]
    binary.print_table([list(table[0]), *([_text(v) for v in row.values()] for row in table)])
    print(f"Written: {out}")
    return int(bool(problems))


def _write(
    out: Path,
    rows: Sequence[dict[str, Any]],
    table: Sequence[dict[str, Any]],
    nulls: Sequence[mm.NullDistribution],
) -> None:
    """Writes verdicts, table and figures."""
    from model_metamers_experiments.figures import figure_s1_s8

    write_json(out / "verdicts.json", rows)
    write_rows(out / "verdicts.csv", rows)
    write_rows(out / "table.csv", table)
    pairs = list(dict.fromkeys((row["network"], row["weights"]) for row in table))
    for network, weights in pairs:
        several = sum(network == other for other, _ in pairs) > 1
        name = f"{network}_{_short(weights)}" if several else network
        own = [row for row in rows if (row["network"], row["weights"]) == (network, weights)]
        figure_s1_s8.draw(out, name, own, nulls)


def _short(weights: str) -> str:
    """The beginning of a digest, or random:SEED, as a file may be called."""
    return weights.removeprefix("sha256:")[:8].replace(":", "_")


def _text(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def run() -> None:
    binary.run(main)


if __name__ == "__main__":
    run()
