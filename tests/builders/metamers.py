"""Metamers on disk, made in two steps of the search: only that they are there matters."""

from pathlib import Path

import model_metamers as mm
from model_metamers.runs.record import sealed
from model_metamers.storage.reading import read_json
from model_metamers.storage.writing import write_json


def write_metamers(
    network, signals, layers, seeds, folder: Path, passing=lambda layer, stimulus, seed: True
) -> Path:
    """Metamers of every signal, layer and seed, in FOLDER/SEED/LAYER/signal_I; their verdicts are set."""
    names = [f"signal_{i}" for i in range(len(signals))]
    null = mm.null_distribution(network, network.layers, signals, progress=False)
    for seed in seeds:
        for layer in layers:
            config = mm.SynthesisConfig(iterations=2, seed=seed)
            metamers = mm.synthesize(network, layer, signals, config, progress=False)
            for name, metamer in zip(names, metamers, strict=True):
                place = folder / str(seed) / layer / name
                mm.save(metamer, place, network, null)
                _set_verdict(place, passing(layer, name, seed))
    return folder


def _set_verdict(folder: Path, passes: bool) -> None:
    record = read_json(folder / "metamer.json")
    for part in ("float", "file"):
        record[part]["verdict"]["passes"] = passes
        record[part]["verdict"]["reasons"] = [] if passes else ["set to fail"]
    write_json(folder / "metamer.json", sealed(record))
