"""The same run by one process, by workers and by shards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.cluster_check.lines import Line
from benchmarks.cluster_check.running import differing, digests, photographs, run

_SHARDS = 4
_JUDGES = ("vgg_19_small_seed1", "resnet_v2_small", "vgg_19_small=random:1")


def check(out: Path) -> Iterator[Line]:
    inputs = photographs(out / "inputs", 7)
    flags = [f"--inputs={inputs}", "--network=vgg_19_small", "--layers=conv2_2,fc7", "--iterations=60"]
    flags += ["--batch_size=2", "--threads=1", "--noprogress"]
    ways: dict[str, list[list[str]]] = {
        "none": [[]],
        "local": [["--cluster=local", "--workers=2"]],
        "shards": [*([f"--shard={i}/{_SHARDS}"] for i in (2, 0, 3, 1)), []],
    }
    statuses, found = [], {}
    for way, each in ways.items():
        folder = out / way
        for further in each:
            statuses.append(run("make_metamers", *flags, *further, f"--out={folder}")[0])
        seen = [f"--metamers={folder}", f"--out={folder}/seen", "--criteria=none", "--noprogress"]
        seen += [f"--judges={','.join(_JUDGES)}", "--threads=1"]
        for further in each:
            statuses.append(run("recognize_metamers", *seen, *further)[0])
        _forget(folder, folder / "seen" / "recognition.json")
        found[way] = digests(folder)
    others = {way: differing(found["none"], found[way]) for way in ("local", "shards")}
    files = [path for path in found["none"] if path.endswith((".npz", ".json", ".csv"))]
    kept = [path for path in files if path.startswith("seen/logits/") and path.endswith(".npz")]
    yield Line(
        f"One run, judged by {len(_JUDGES) + 1} networks, by --cluster=none, by local with 2 workers, and by "
        f"{_SHARDS} shards",
        "all metamer.npz, metamer.json, null.npz, logits and CSV identical",
        f"{len(files)} files by one process, {len(kept)} of logits; of other bytes: "
        f"{len(others['local'])} by workers, {len(others['shards'])} by shards "
        f"{sorted(set(others['local']) | set(others['shards']))[:4]}",
        not any(others.values())
        and not any(statuses)
        and len(files) >= 14 * 2 + 2 + len(kept)
        and len(kept) == len(_JUDGES) + 1,
    )
    made = [*flags, f"--out={out / 'none'}"]
    judged = [
        f"--metamers={out / 'none'}",
        f"--out={out / 'none' / 'seen'}",
        "--criteria=none",
        "--noprogress",
    ]
    for binary, given in (("make_metamers", made), ("recognize_metamers", judged)):
        status, printed = run(binary, *given, "--threads=2")
        told = printed.strip().splitlines()[-1] if printed.strip() else ""
        yield Line(
            f"The same folder of {binary} with --threads=2",
            "refused in one line, status 2",
            f"status {status}: {told[:160]}",
            status == 2 and "threads=1 there, 2 now" in told,
        )


def _forget(folder: Path, path: Path) -> None:
    """Takes the name of a folder, which is another one each time, out of a file."""
    if path.exists():
        path.write_text(path.read_text(encoding="utf-8").replace(str(folder), "OUT"), encoding="utf-8")
