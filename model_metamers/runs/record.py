"""What `metamer.json` holds: every number of a metamer, typed.

Types are checked once, where the file is read; whoever has a `Record` need not ask again.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from model_metamers.criteria.verdict import Measurement, Verdict
from model_metamers.errors import DamagedFileError
from model_metamers.runs.folder import MetamerFolder
from model_metamers.signals.spec import SignalSpec
from model_metamers.storage.reading import read_json
from model_metamers.storage.writing import write_json
from model_metamers.synthesis.config import SynthesisConfig

_FORMAT = 1


@dataclasses.dataclass(frozen=True)
class JudgedFloats:
    """The criteria of the float signal.

    Attributes:
      measurement: rho and classes.
      verdict: None where there was no null distribution.
    """

    measurement: Measurement
    verdict: Verdict | None


@dataclasses.dataclass(frozen=True)
class JudgedFile:
    """The criteria of the file that a person is shown, as read back.

    Attributes:
      name: of the file.
      clipped_samples: of a sound, how many exceeded the file's range.
      measurement: rho and classes; None where they were not measured.
      verdict: None where there was no null distribution, or no measurement.
    """

    name: str
    clipped_samples: int
    measurement: Measurement | None = None
    verdict: Verdict | None = None


@dataclasses.dataclass(frozen=True)
class Record:
    """Everything that is known of a metamer but for its signal and the loss trace.

    Attributes:
      network, checkpoint: name, and digest of the weights.
      layer: that was matched.
      stimulus: name of the target.
      target_sha256: of the target's float32 values.
      signal: what the network is fed.
      config: of the search, complete.
      iterations: finished.
      loss_first, loss_last: sum of squared differences / 2; None where none was logged.
      floats: the criteria of the float signal.
      versions: of the libraries that made it.
      file: the criteria of what a person is shown.
      relu_gradient_used: at the matched layer, as `Metamer` has it; older records lack it.
    """

    network: str
    checkpoint: str
    layer: str
    stimulus: str
    target_sha256: str
    signal: SignalSpec
    config: SynthesisConfig
    iterations: int
    loss_first: float | None
    loss_last: float | None
    floats: JudgedFloats
    versions: dict[str, str]
    file: JudgedFile
    relu_gradient_used: str | None = None

    def values(self) -> dict[str, Any]:
        """Plain values, in the order of `metamer.json`."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        if self.relu_gradient_used is None:
            del fields["relu_gradient_used"]
        file = {"name": self.file.name, "clipped_samples": self.file.clipped_samples}
        return {
            "format": _FORMAT,
            **{name: value for name, value in fields.items() if name not in ("floats", "versions", "file")},
            "signal": dataclasses.asdict(self.signal),
            "config": dataclasses.asdict(self.config),
            "float": _judged_values(self.floats),
            "versions": self.versions,
            "file": {**file, **_judged_values(self.file)},
        }


def write_record(folder: MetamerFolder, record: Record) -> None:
    """Writes `metamer.json`; StorageError where it cannot be written."""
    write_json(folder.record, record.values())


def read_record(folder: str | os.PathLike) -> Record:
    """Reads a metamer's `metamer.json`.

    Raises:
      DamagedFileError: missing, damaged, of another program, or with values of other types.
    """
    path = MetamerFolder(Path(folder)).record
    values = read_json(path, "metamer")
    if not isinstance(values, dict) or values.get("format") != _FORMAT:
        raise DamagedFileError(f"{path}: not a metamer of this program (format {_FORMAT})")
    try:
        return _record(values)
    except KeyError as error:
        raise DamagedFileError(f"{path}: no complete metamer; {error} is missing") from error
    except (TypeError, ValueError) as error:  # msgspec's errors are of the latter kind
        raise DamagedFileError(f"{path}: no metamer of this program ({_one_line(error)})") from error


def _record(values: dict[str, Any]) -> Record:
    signal = dict(values["signal"])
    if signal["high"] is None:  # JSON knows no infinity
        signal["high"] = np.inf
    floats, file = values["float"], values["file"]
    record = msgspec.convert(
        {
            **values,
            "signal": signal,
            "floats": {"measurement": _measurement(floats), "verdict": _verdict(floats)},
            "file": {
                "name": file["name"],
                "clipped_samples": file["clipped_samples"],
                "measurement": _measurement(file) if "spearman" in file else None,
                "verdict": _verdict(file),
            },
        },
        Record,
    )
    if record.layer not in record.floats.measurement.spearman:
        raise ValueError(f"no rho at the matched layer {record.layer}")
    if record.iterations < 0 or record.file.clipped_samples < 0:
        raise ValueError("a count below zero")
    if record.relu_gradient_used not in (None, "linear", "plain", "none"):
        raise ValueError(f"relu_gradient_used is {record.relu_gradient_used!r}")
    return record


def _measurement(part: dict[str, Any]) -> dict[str, Any]:
    """The fields of a measurement; rho that is not defined is null in JSON."""
    return {**part, "spearman": _nan_for_none(part["spearman"])}


def _verdict(part: dict[str, Any]) -> dict[str, Any] | None:
    verdict = part.get("verdict")
    if verdict is None:
        return None
    return {**verdict, **_nan_for_none({name: verdict[name] for name in ("rho", "null_max")})}


def _nan_for_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: np.nan if value is None else value for name, value in dict(values).items()}


def _judged_values(judged: JudgedFloats | JudgedFile) -> dict[str, Any]:
    values = dataclasses.asdict(judged.measurement) if judged.measurement else {}
    return values if judged.verdict is None else {**values, "verdict": dataclasses.asdict(judged.verdict)}


def _one_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
