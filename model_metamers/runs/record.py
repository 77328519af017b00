"""What `metamer.json` holds: every number of a metamer, typed.

Types are checked once, where the file is read; whoever has a `Record` need not ask again.

A record of format 2 holds the digests of the files beside it, of the null distribution that its
verdicts were given by, and of itself. Records of format 1, of older versions, lack these.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from model_metamers.criteria.verdict import Measurement, Verdict
from model_metamers.errors import DamagedFileError, InputError
from model_metamers.runs.folder import MetamerFolder, check_name, check_printable
from model_metamers.signals.spec import SignalSpec
from model_metamers.storage.reading import read_json
from model_metamers.storage.writing import plain_values, write_json
from model_metamers.synthesis.config import SynthesisConfig
from model_metamers.synthesis.metamer import Start

# 1: without the digests; its files are not tied to it.
_FORMATS = ("1", "2")
_FROM_FORMAT_2 = ("null_sha256", "checkpoint_place", "files")
_PLACED_APART = ("floats", "versions", "file", *_FROM_FORMAT_2)
_SHA256 = re.compile(r"[0-9a-f]{64}")


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
      restarts: of an L-BFGS search, as `Metamer` has it; None where Adam searched.
      stopped_at, stop_reason: as `Metamer` has them; None where no criteria ended the search.
      starts: as `Metamer` has them; empty where the config asks for one start.
      null_sha256: digest of the null distribution that the verdicts were given by; None without
        verdicts, and in records of format 1 that were not judged since.
      checkpoint_place: what the weights were loaded from, as `Network` has it.
      files: sha256 by name of the files beside the record that hold results; None in format 1.
      threads, batch_size: of the search, as `Run` has them; None where the run fixed no threads.

    Raises:
      InputError: a name that is empty or cannot be printed, or a value that cannot be.
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
    restarts: int | None = None
    stopped_at: int | None = None
    stop_reason: str | None = None
    starts: tuple[Start, ...] = ()
    null_sha256: str | None = None
    checkpoint_place: str | None = None
    files: dict[str, str] | None = None
    threads: int | None = None
    batch_size: int | None = None

    def __post_init__(self) -> None:
        for what in ("network", "layer", "stimulus"):
            check_name(getattr(self, what), what)
        for what in ("checkpoint", "checkpoint_place", "stop_reason"):
            check_printable(getattr(self, what) or "", what)
        if self.layer not in self.floats.measurement.spearman:
            raise InputError(f"no rho at the matched layer {self.layer}")
        counts = [self.iterations, self.file.clipped_samples, self.restarts or 0]
        if min(*counts, *(start.iterations for start in self.starts)) < 0:
            raise InputError("a count below zero")
        if self.stopped_at not in (None, self.iterations):
            raise InputError(f"stopped at {self.stopped_at} after {self.iterations} iterations")
        if self.relu_gradient_used not in (None, "linear", "plain", "none"):
            raise InputError(f"relu_gradient_used is {self.relu_gradient_used!r}")
        if self.starts and (
            sum(start.kept for start in self.starts) != 1 or len(self.starts) > self.config.starts
        ):
            raise InputError(
                f"of {len(self.starts)} starts {sum(start.kept for start in self.starts)} are kept, expected "
                f"one of at most {self.config.starts}"
            )
        names = {path.name for path in MetamerFolder(Path()).results(self.signal.kind)}
        if self.file.name not in names:
            raise InputError(f"file is {self.file.name[:80]!r}, expected one of {', '.join(sorted(names))}")
        if self.files is not None and self.files.keys() != names:
            raise InputError(f"files are not {', '.join(sorted(names))}")
        for digest in (self.null_sha256, *(self.files or {}).values()):
            if digest is not None and not _SHA256.fullmatch(digest):
                raise InputError(f"{digest[:80]!r} is no sha256")

    def values(self) -> dict[str, Any]:
        """Plain values, in the order of `metamer.json`; the last is the digest of all others."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        for name in ("relu_gradient_used", "restarts", "stopped_at", "stop_reason", "threads", "batch_size"):
            if fields[name] is None:
                del fields[name]
        fields["starts"] = [dataclasses.asdict(start) for start in self.starts]
        if not self.starts:
            del fields["starts"]
        file = {"name": self.file.name, "clipped_samples": self.file.clipped_samples}
        values = {
            "format": 1 if self.files is None else 2,
            **{name: value for name, value in fields.items() if name not in _PLACED_APART},
            "signal": dataclasses.asdict(self.signal),
            "config": self.config.values(),
            "float": _judged_values(self.floats),
            "versions": self.versions,
            "file": {**file, **_judged_values(self.file)},
        }
        if self.files is None:
            return values if self.null_sha256 is None else {**values, "null_sha256": self.null_sha256}
        return sealed({**values, **{name: fields[name] for name in _FROM_FORMAT_2}})


def sealed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of a record of format 2 with their own digest, `sha256`, as the last."""
    unsealed = {name: value for name, value in plain_values(values).items() if name != "sha256"}
    return {**unsealed, "sha256": _digest(unsealed)}


def _digest(values: Mapping[str, Any]) -> str:
    """sha256 of canonical JSON: keys in the alphabet's order, no spaces, ASCII."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def write_record(folder: MetamerFolder, record: Record) -> None:
    """Writes `metamer.json`; StorageError where it cannot be written."""
    write_json(folder.record, record.values())


def read_record(folder: str | os.PathLike) -> Record:
    """Reads a metamer's `metamer.json`.

    Raises:
      DamagedFileError: missing, damaged, changed since, of another program, or with values of other
        types.
    """
    path = MetamerFolder(Path(folder)).record
    values = read_json(path, "metamer")
    if not isinstance(values, dict) or str(values.get("format")) not in _FORMATS:
        raise DamagedFileError(f"{path}: not a metamer of this program (format 1 or 2)")
    try:
        tied = values["format"] == 2 or "sha256" in values
        if tied and values.pop("sha256", None) != _digest(values):
            raise DamagedFileError(
                f"{path}: was changed after it was written; make_metamers with the same command makes it anew"
            )
        return _record(values)
    except DamagedFileError:
        raise
    except KeyError as error:
        raise DamagedFileError(f"{path}: no complete metamer; {error} is missing") from error
    except (TypeError, ValueError, RecursionError) as error:  # msgspec's errors are of the second kind
        raise DamagedFileError(f"{path}: no metamer of this program ({_one_line(error)})") from error


def _record(values: dict[str, Any]) -> Record:
    signal = dict(values["signal"])
    if signal["high"] is None:  # JSON knows no infinity
        signal["high"] = np.inf
    floats, file = values["float"], values["file"]
    return msgspec.convert(
        {
            **values,
            "signal": signal,
            "starts": [{**start, "verdict": _verdict(start)} for start in values.get("starts", [])],
            "files": dict(values["files"]) if values["format"] == 2 else None,
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


def _measurement(part: dict[str, Any]) -> dict[str, Any]:
    """The fields of a measurement; what is not defined is null in JSON."""
    match = dict(part).get("match")
    return {
        **part,
        "spearman": _nan_for_none(part["spearman"]),
        "match": None if match is None else _nan_for_none(match),
    }


def _verdict(part: dict[str, Any]) -> dict[str, Any] | None:
    verdict = dict(part).get("verdict")
    if verdict is None:
        return None
    return {**verdict, **_nan_for_none({name: verdict[name] for name in ("rho", "null_max")})}


def _nan_for_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: np.nan if value is None else value for name, value in dict(values).items()}


def _judged_values(judged: JudgedFloats | JudgedFile) -> dict[str, Any]:
    values = dataclasses.asdict(judged.measurement) if judged.measurement else {}
    if values.get("match") is None:  # older records lack it
        values.pop("match", None)
    return values if judged.verdict is None else {**values, "verdict": dataclasses.asdict(judged.verdict)}


def _one_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:200]
