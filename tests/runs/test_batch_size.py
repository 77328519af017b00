"""The batch size that the free memory allows, and that a folder keeps."""

import dataclasses
import json

import pytest

import model_metamers as mm
from model_metamers import runs
from model_metamers.runs import batch_size
from model_metamers.synthesis.search import Search
from tests.builders.logarithm import RATE, Logarithm, targets

NETWORK = Logarithm()
EACH = 1_000_000


def make_run(out, size: int | str = "auto", **changes) -> runs.Run:
    stimuli = {f"p{i}": picture for i, picture in enumerate(targets(5))}
    config = mm.SynthesisConfig(iterations=3, learning_rate=RATE, **changes)
    return runs.Run(NETWORK, ("log",), stimuli, {}, out, config, size)


@pytest.fixture
def free(monkeypatch):
    """Sets how many signals half of the free memory would hold."""
    from model_metamers.synthesis import footprint

    monkeypatch.setattr(footprint, "bytes_per_signal", lambda *_: EACH)

    def hold(signals: float) -> None:
        monkeypatch.setattr(batch_size, "free_memory", lambda: int(2 * signals * EACH))

    return hold


@pytest.fixture
def searched(monkeypatch) -> list[int]:
    """Sizes of the batches that are searched."""
    sizes, search = [], Search.run

    def run(own, batch, *args, **kwargs):
        sizes.append(len(batch))
        return search(own, batch, *args, **kwargs)

    monkeypatch.setattr(Search, "run", run)
    return sizes


@pytest.mark.parametrize(("fitting", "chosen"), [(0, 1), (0.9, 1), (1, 1), (2.5, 2), (31, 31), (1e6, 32)])
def test_it_fits_into_half_of_the_free_memory_within_limits(tmp_path, free, fitting, chosen):
    free(fitting)
    run = make_run(tmp_path)
    runs.prepare(run)
    assert batch_size.batch_size(run) == chosen


def test_it_is_kept_for_the_folder(tmp_path, free, searched):
    free(2)
    runs.execute([make_run(tmp_path)], progress=False)
    assert searched == [2, 2, 1]
    assert json.loads((tmp_path / "logarithm" / "settings.json").read_text())["noted"] == {"batch_size": 2}
    free(5)
    more = {f"more{i}": picture for i, picture in enumerate(targets(9)[5:])}
    run = make_run(tmp_path)
    runs.execute([dataclasses.replace(run, stimuli={**run.stimuli, **more})], progress=False)
    assert searched == [2, 2, 1, 1, 2, 1]  # batches of two, of which the first were there
    runs.execute([make_run(tmp_path / "other")], progress=False)
    assert searched[6:] == [5]


def test_a_number_goes_on_with_such_a_folder_and_auto_with_that_of_a_number(tmp_path, free, searched):
    free(2)
    runs.execute([make_run(tmp_path / "auto")], progress=False)
    runs.claim(make_run(tmp_path / "auto", 4))
    with pytest.raises(mm.InputError, match=r"other settings \(seed=0 there, 1 now\)"):
        runs.claim(make_run(tmp_path / "auto", seed=1))
    runs.execute([make_run(tmp_path / "number", 5)], progress=False)
    assert "noted" not in (tmp_path / "number" / "logarithm" / "settings.json").read_text()
    runs.execute([make_run(tmp_path / "number")], progress=False)
    assert batch_size.batch_size(make_run(tmp_path / "number")) == 2


def test_bits_are_those_of_that_number(tmp_path, free):
    free(3)
    made = [make_run(tmp_path / name, size) for name, size in (("auto", "auto"), ("number", 3))]
    runs.execute(made, progress=False)
    for name in made[0].stimuli:
        one, other = (run.folder.metamer("log", name).arrays.read_bytes() for run in made)
        assert one == other


@pytest.mark.parametrize("size", [0, -1, "8", "all", 2.0, True, None])
def test_what_is_no_batch_size_is_refused_before_work(tmp_path, size):
    with pytest.raises(mm.InputError, match="expected a whole number from 1, or 'auto'"):
        runs.execute([make_run(tmp_path, size)], progress=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("noted", ["[]", '{"batch_size": "9"}', '{"batch_size": 0}', "null"])
def test_what_is_noted_but_no_batch_size_is_chosen_anew(tmp_path, free, noted):
    free(4)
    runs.claim(make_run(tmp_path, 2))
    path = tmp_path / "logarithm" / "settings.json"
    settings = json.loads(path.read_text())
    path.write_text(json.dumps({**settings, "noted": json.loads(noted)}))
    run = make_run(tmp_path)
    runs.claim(run)
    assert batch_size.batch_size(run) == 4


def write(folder, files: dict[str, str]) -> None:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text)


@pytest.mark.parametrize(
    ("files", "left"),
    [
        (
            {"memory.max": "1000\n", "memory.current": "700\n", "memory.stat": "anon 1\ninactive_file 200\n"},
            500,
        ),
        (
            {
                "memory.limit_in_bytes": "900",
                "memory.usage_in_bytes": "100",
                "memory.stat": "total_inactive_file 40",
            },
            840,
        ),
    ],
)
def test_a_share_of_the_machine_is_what_its_limit_leaves(tmp_path, monkeypatch, files, left):
    write(tmp_path / "group", files)
    monkeypatch.setattr(batch_size, "_cgroups", lambda: [tmp_path / "none", tmp_path / "group"])
    assert batch_size.free_memory() == left


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"memory.max": "max", "memory.current": "7", "memory.stat": "inactive_file 2"},
        {"memory.max": "10", "memory.current": "7", "memory.stat": "anon 2"},
    ],
)
def test_a_share_without_a_limit_is_the_machine(tmp_path, monkeypatch, files):
    write(tmp_path / "group", files)
    monkeypatch.setattr(batch_size, "_cgroups", lambda: [tmp_path / "group"])
    monkeypatch.setattr(batch_size, "_free_of_machine", lambda: 12345)
    assert batch_size.free_memory() == 12345


def test_this_machine_tells_its_free_memory():
    assert 10**7 < batch_size.free_memory() < 10**15
