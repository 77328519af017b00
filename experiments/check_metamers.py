"""Judges a folder of metamers by the paper's two conditions.

  check_metamers --metamers=metamers --null=null --out=verdicts

Reads every metamer below --metamers and one or several null distributions (folders of
make_null_distribution, or `null.npz` of make_metamers), and writes `verdicts.csv` and
`verdicts.json` (a row for each metamer, with the reasons why one does not pass),
`table.csv` (Tables S4 and S5: for each network, its weights, and layer how many were made, gave the
target's class, exceeded the null maximum or the limit by --null_rule, and are included; mean and range
of rho; medians of the shares of zeros, relative error and Pearson's correlation of the activations), and
`<network>_spearman.png` and `.pdf` (Figures S1 to S8: histograms of null and metamer rho
at each layer).

A metamer that cannot be judged, because a file is missing, foreign or not the one that its
record tells of, because it is there twice, or because there is no null distribution of its
network, weights and layer, is named; the rest is done, and the exit status is 1.

Rho and classes are those that the records hold. With --anew they are measured again, on the
float signal and on the file, by the network that the record names (of the catalog or a package,
with weights of this machine, or of a .keras file that is still there) or that --network does; a
metamer whose record says otherwise is named, judged by what was measured, and makes the exit status 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

import model_metamers as mm
from model_metamers.catalog import named_network
from model_metamers.networks.names import viewed_name
from model_metamers.recognition.judgement import Who
from model_metamers.runs import inclusion, measured_anew, null_runs
from model_metamers.runs.folder import find_metamers
from model_metamers.runs.measured_anew import MeasuredAnew
from model_metamers.runs.record import Record, read_record
from model_metamers.storage import locks
from model_metamers.storage.writing import write_json, write_rows
from model_metamers_experiments import binary, flag_checks, null_advice

_METAMERS = flags.DEFINE_string("metamers", None, "Folder with metamers, at any depth.", required=True)
_NULL = flags.DEFINE_list("null", None, "Null distributions.", required=True)
_NULL_RULE = flags.DEFINE(
    flag_checks.NullRule(),
    "null_rule",
    None,
    f"What rho must exceed. {flag_checks.NullRule.MEANING} Without it, the rule of each null distribution: "
    "the paper's, or that of the run of make_metamers that kept it.",
    serializer=flags.ArgumentSerializer(),
)
_ANEW = flags.DEFINE_bool("anew", False, "Measure rho and classes again, instead of taking the records'.")
_NETWORK = flags.DEFINE_string(
    "network",
    None,
    f"With --anew, the network of all metamers. {named_network.NAMES}. Without it, those that their records "
    f"name. {named_network.BUILDER}",
)
_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "With --network, its weights; as in make_metamers.")
_SIGNAL = flags.DEFINE_string("signal", None, named_network.SIGNAL)
_OUT = flags.DEFINE_string("out", None, "Folder of verdicts, table and figures.", required=True)


def main() -> int:
    folder, out = Path(_METAMERS.value), Path(_OUT.value)
    if not folder.is_dir():
        raise mm.InputError(f"{folder}: no such folder")
    nulls = [_ruled(null_runs.read(path)) for path in _NULL.value]
    checked, problems = inclusion.check_folders(find_metamers(folder), nulls, _measure())
    for problem in problems:
        binary.tell(str(problem))
    others = sum(one.other_null for one in checked)
    if others:
        told = f"{others} of {len(checked)} metamers hold the verdict of another null distribution"
        binary.tell(f"{told}; all are judged here by --null")
    if not checked:
        raise mm.InputError(f"{folder}: none of its {len(problems)} metamers could be judged")
    rows = [item.row() for item in checked]
    order = list(dict.fromkeys(layer for null in nulls for layer in null.layers))
    table = inclusion.table(checked, order)
    with locks.hold(out):
        _write(out, rows, table, nulls)
    table = [{**row, "weights": _short(row["weights"])} for row in table]
    binary.print_table([list(table[0]), *([_text(v) for v in row.values()] for row in table)])
    if _ANEW.value:
        same = sum(bool(one.same_bits) for one in checked)
        print(f"Measured anew: {len(checked)} metamers, {same} of them to the last bit as recorded")
    for null in nulls:
        if advice := _advice(null, checked):
            print(advice)
    print(f"Written: {out}")
    return int(bool(problems))


def _ruled(null: mm.NullDistribution) -> mm.NullDistribution:
    return null.by_rule(_NULL_RULE.value) if _NULL_RULE.value else null


def _advice(null: mm.NullDistribution, checked: Sequence[inclusion.Checked]) -> str | None:
    """How to measure more pairs, with the network as the records of its metamers name it."""
    from model_metamers.recognition.generators import named_by, weights_place

    own = (one for one in checked if viewed_name(one.network) == viewed_name(null.network))
    if (one := next(own, None)) is None:
        return None
    network, checkpoint, signal = named_by(null.network, weights_place(one.folder, read_record(one.folder)))
    then = "the same command takes it by --null"
    return null_advice.advice(null, network, checkpoint, signal=signal, then=then)


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


def _measure() -> inclusion.Measure | None:
    """Measures a metamer by its network; None without --anew."""
    if not _ANEW.value:
        if _NETWORK.value or _CHECKPOINT.value:
            raise mm.InputError("--network and --checkpoint are for --anew; add it, or leave them out")
        if _SIGNAL.value:
            raise mm.InputError("--signal is for --anew; add it, or leave it out")
        return None
    if _CHECKPOINT.value and not _NETWORK.value:
        raise mm.InputError("--checkpoint is for --network; name the network too, or leave it out")
    if _SIGNAL.value and not _NETWORK.value:
        raise mm.InputError("--signal is for --network; name the network too, or leave it out")
    binary.import_tensorflow_quietly()  # which nothing else here needs
    binary.repeatable()
    given = named_network.load(_NETWORK.value, _CHECKPOINT.value, _SIGNAL.value) if _NETWORK.value else None
    loaded: dict[tuple, mm.Network | mm.InputError] = {}

    def measure(folder: Path, record: Record) -> MeasuredAnew:
        key = (record.network, record.checkpoint, record.checkpoint_place)
        if key not in loaded:
            try:
                loaded[key] = _network_of(folder, record, given)
            except mm.InputError as error:
                loaded[key] = error
        network = loaded[key]
        if isinstance(network, mm.InputError):
            raise mm.InputError(f"{folder}: {network}")
        return measured_anew.measure_anew(folder, record, network)

    return measure


def _network_of(folder: Path, record: Record, given: mm.Network | None) -> mm.Network:
    """The network that a metamer was found for.

    Raises:
      InputError: it is not --network, or is not to be found on this machine.
    """
    from model_metamers.networks.cochleagram_view import cochleagram_view
    from model_metamers.recognition.generators import find_generator, weights_place

    who = Who(viewed_name(record.network), record.checkpoint)
    if given is None:
        try:
            network = find_generator(who, [weights_place(folder, record)])
        except mm.InputError as error:
            how = "--network and --checkpoint, or --signal of a .keras file"
            raise mm.InputError(f"{error}; name it with {how}") from error
    elif Who(given.name, given.checkpoint_digest) == who:
        network = given
    else:
        raise mm.InputError(
            f"is of {who.name} ({who.weights[:19]}), --network is {given.name} "
            f"({given.checkpoint_digest[:19]})"
        )
    return network if who.name == record.network else cochleagram_view(network)


def _short(weights: str) -> str:
    """The beginning of a digest, or random:SEED, as a file may be called."""
    return weights.removeprefix("sha256:")[:8].replace(":", "_")


def _text(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def run() -> None:
    binary.run(main, tensorflow=False)


if __name__ == "__main__":
    run()
