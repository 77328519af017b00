"""The same run by one process, by workers and by shards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.cluster_check.lines import Line
from benchmarks.cluster_check.running import differing, digests, photographs, run

_SHARDS = 4


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
        statuses.append(run("recognize_metamers", *seen)[0])
        (folder / "seen" / "recognition.json").unlink(missing_ok=True)  # names the folder
        found[way] = digests(folder)
    others = {way: differing(found["none"], found[way]) for way in ("local", "shards")}
    files = [path for path in found["none"] if path.endswith((".npz", ".json", ".csv"))]
    yield Line(
        f"One run by --cluster=none, by local with 2 workers, and by {_SHARDS} shards",
        "all metamer.npz, metamer.json, null.npz and CSV identical",
        f"{len(files)} files by one process; of other bytes: {len(others['local'])} by workers, "
        f"{len(others['shards'])} by shards {sorted(set(others['local']) | set(others['shards']))[:4]}",
        not any(others.values()) and not any(statuses) and len(files) >= 14 * 2 + 2,
    )
    status, printed = run("make_metamers", *flags, "--threads=2", f"--out={out / 'none'}")
    told = printed.strip().splitlines()[-1] if printed.strip() else ""
    yield Line(
        "The same folder with --threads=2",
        "refused in one line, status 2",
        f"status {status}: {told[:160]}",
        status == 2 and "threads=1 there, 2 now" in told,
    )
