"""What does not belong together is not judged; logits that are kept are those of what is judged."""

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

import model_metamers as mm
from model_metamers import InputError, runs
from model_metamers.errors import StorageError
from model_metamers.recognition import kept, presentations
from model_metamers.runs.folder import RunFolder
from model_metamers.runs.record import sealed
from model_metamers.storage.reading import read_arrays, read_json
from model_metamers.storage.writing import write_arrays, write_json
from tests.builders import tampering

RUN = "run"


@pytest.fixture(scope="module")
def whole(tmp_path_factory, tiny_vgg, small_images) -> RunFolder:
    """Two layers of three stimuli; nothing changes it."""
    out = tmp_path_factory.mktemp("whole") / RUN
    stimuli = {name: small_images[i] for i, name in enumerate(("cat", "cup", "rocket"))}
    run = runs.Run(tiny_vgg, ("conv1_2", "fc7"), stimuli, {}, out, mm.SynthesisConfig(iterations=2))
    runs.execute([run], progress=False)
    return run.folder


@pytest.fixture
def run(whole, tmp_path) -> RunFolder:
    """A copy of it, for one test."""
    shutil.copytree(whole.out, tmp_path / RUN)
    return RunFolder(tmp_path / RUN, whole.network)


@pytest.mark.parametrize("criteria", presentations.CRITERIA)
@pytest.mark.parametrize("kind", tampering.KINDS)
def test_metamers_that_were_tampered_with_are_refused(run, kind, criteria):
    folder = tampering.KINDS[kind](run)
    with pytest.raises(InputError) as caught:
        presentations.find([run.out], criteria)
    message = str(caught.value)
    assert str(folder.parent) in message and "\n" not in message
    assert "make_metamers" in message or "it is a copy" in message


@pytest.mark.parametrize("name", ["metamer.npz", "metamer.png", "target.png", "metamer.json"])
def test_a_missing_file_is_one_line(run, name):
    (run.metamer("fc7", "cup").path / name).unlink()
    with pytest.raises(InputError, match=name) as caught:
        presentations.find([run.out])
    assert "\n" not in str(caught.value)


def other_null(run: RunFolder, layer: str) -> None:
    """As if another null distribution had judged one metamer."""
    path = run.metamer(layer, "cup").record
    values = read_json(path)
    write_json(path, sealed({**values, "null_sha256": "0" * 64}))


def test_verdicts_of_different_null_distributions_are_not_counted_together(run):
    other_null(run, "fc7")
    for criteria in ("file", "float"):
        with pytest.raises(InputError, match=r"different null distributions; run make_metamers again"):
            presentations.find([run.out], criteria)
    assert presentations.find([run.out], "none")  # no verdict counts
    for stimulus in ("cat", "rocket"):
        path = run.metamer("fc7", stimulus).record
        write_json(path, sealed({**read_json(path), "null_sha256": "0" * 64}))
    assert presentations.find([run.out])  # each layer has one; a later run may add layers


def test_a_target_under_two_names_is_told(run, tmp_path, caplog):
    caplog.set_level(logging.INFO, "model_metamers")
    presentations.find([run.out])
    assert not caplog.messages
    place = run.metamer("fc7", "cat")
    renamed = tmp_path / RUN / run.network / "fc7" / "katze"
    shutil.copytree(place.path, renamed)
    values = read_json(renamed / "metamer.json")
    write_json(renamed / "metamer.json", sealed({**values, "stimulus": "katze"}))
    assert len(presentations.find([run.out])) == 11  # seven metamers, four targets
    (told,) = caplog.messages
    assert "'cat' and 'katze'; both count" in told and str(renamed) in told


@pytest.fixture
def looked(monkeypatch):
    """How many signals networks looked at."""
    counts = []
    compute = kept.logits
    monkeypatch.setattr(
        kept, "logits", lambda n, signals: (counts.append(len(signals)), compute(n, signals))[1]
    )
    monkeypatch.setattr(kept, "_BLOCK", 4)
    return counts


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def _change(path: Path, **values) -> None:
    write_arrays(path, {**read_arrays(path), **values})


DAMAGE = {
    "a bit flipped": _flip,
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:40]),
    "empty": lambda path: path.write_bytes(b""),
    "numbers changed": lambda path: _change(path, logits=read_arrays(path)["logits"] + 1),
    "rows in another order": lambda path: _change(path, logits=read_arrays(path)["logits"][::-1]),
    "a row less": lambda path: _change(path, logits=read_arrays(path)["logits"][1:]),
    "a number alone": lambda path: _change(path, logits=np.float32(1)),
    "other numbers": lambda path: _change(path, logits=read_arrays(path)["logits"].astype(np.float64)),
    "no digest": lambda path: write_arrays(path, {"logits": read_arrays(path)["logits"]}),
    "another's": lambda path: shutil.copy(next(p for p in path.parent.iterdir() if p != path), path),
    "objects": lambda path: np.savez(path, logits=np.array([{}]), sha256=np.zeros(32, np.uint8)),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_kept_logits_that_are_damaged_are_computed_again(whole, tiny_vgg, tmp_path, looked, caplog, kind):
    caplog.set_level(logging.INFO, "model_metamers")
    found = presentations.find([whole.out])
    first = kept.kept_logits(tiny_vgg, found, tmp_path, progress=False)
    assert looked == [4, 4, 1]
    path = max(tmp_path.iterdir(), key=lambda p: len(read_arrays(p)["logits"]))
    content = path.read_bytes()
    DAMAGE[kind](path)
    again = kept.kept_logits(tiny_vgg, found, tmp_path, progress=False)
    np.testing.assert_array_equal(again, first)
    assert looked == [4, 4, 1, 4] and path.read_bytes() == content
    (told,) = caplog.messages
    assert str(path) in told and told.endswith("computed again") and "\n" not in told
    assert kept.kept_logits(tiny_vgg, found, tmp_path, progress=False).tobytes() == first.tobytes()
    assert len(looked) == 4


def test_a_folder_that_cannot_be_written_is_told_before_a_network_looks(whole, tiny_vgg, tmp_path, looked):
    found = presentations.find([whole.out])
    (tmp_path / "logits").write_text("a file")
    for folder in (tmp_path / "logits", tmp_path / "logits" / "vgg", Path("/proc/self/logits")):
        with pytest.raises(StorageError) as caught:
            kept.kept_logits(tiny_vgg, found, folder, progress=False)
        assert "\n" not in str(caught.value)
    assert not looked


@pytest.mark.parametrize("name", ["../../x", "..", "/etc/x", "a/b", "x" * 300, "\U0001f600" * 90, ".hidden"])
def test_logits_are_kept_below_out_whatever_a_network_is_called(tmp_path, name):
    network = type("Named", (), {"name": name, "checkpoint_digest": "sha256:0"})()
    folder = kept.kept_folder(tmp_path, network)
    assert folder.resolve().parent == tmp_path.resolve() / "logits" and not folder.name.startswith(".")
    folder.mkdir(parents=True)
