"""Batches and blocks as units: what they are made of, that they load no TensorFlow, and what they refuse."""

import dataclasses
import pickle
import re
import subprocess
import sys
import time
import types

import pytest
from PIL import Image

import model_metamers as mm
from model_metamers import runs
from model_metamers.execution import driving, stopping
from model_metamers.execution.units import Needs, UnitFailed, UnitStopped, do
from model_metamers.runs import (
    live_page,
    null_blocks,
    null_runs,
    null_worker,
    report,
    results,
    search_batches,
)
from model_metamers.runs.run import prepare
from model_metamers.signals import collection, files
from tests.builders.file_units import Threads
from tests.runs.test_shards import files as files_of

CONFIG = mm.SynthesisConfig(iterations=6, save_every=2)
NETWORK_FILE = '''
import numpy as np
import tensorflow as tf

import model_metamers as mm


class Sums(mm.Network):
    """Pixels weighted; it names the brightest colour."""

    def __init__(self):
        spec = mm.SignalSpec("image", (4, 4, 3), 0.0, 1.0)
        super().__init__("sums", spec, ("sum", "logits"), ("r", "g", "b"))
        self.checkpoint_digest = "none"

    def forward(self, signals, training=False):
        weights = tf.constant(np.linspace(0.1, 1.0, 48).reshape(4, 4, 3), tf.float32)
        return {"sum": mm.Stage(signals * weights), "logits": mm.Stage(tf.reduce_mean(signals, axis=[1, 2]))}


def network():
    return Sums()
'''


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a network's file and five pictures."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "sums.py").write_text(NETWORK_FILE)
    (folder / "in").mkdir()
    for i in range(5):
        Image.new("RGB", (4, 4), (40 * i, 200 - 30 * i, 10 + i)).save(folder / "in" / f"p{i}.png")
        Image.effect_noise((4, 4), 60 + i).convert("RGB").save(folder / "in" / f"n{i}.png")
    return folder


def make_run(place, out, **changes) -> tuple[runs.Run, runs.Elsewhere]:
    name = f"{place}/sums.py:network"
    network = _load(name)
    inputs = files.find_files([place / "in"], network.signal)
    stimuli = files.load_signals(inputs, network.signal)
    run = runs.Run(network, ("sum",), stimuli, {}, out, CONFIG, batch_size=3, threads=1, **changes)
    return run, runs.Elsewhere(name, None, None, inputs, in_threads)


def _load(name):
    from model_metamers.catalog import named_network

    return named_network.load(name)


def in_threads(units, sees, writes, watch=None):
    return driving.drive(units, Threads(1), Needs.here(0, sees, writes), progress=False, watch=watch)


def execute(run, elsewhere=None):
    return runs.execute([run], progress=False, elsewhere=elsewhere)


def test_the_page_is_there_while_workers_search(place, tmp_path, monkeypatch):
    """From the first metamers on, then once a minute; the driver writes it, and it is whole at the end."""
    minutes, seen = iter(range(10_000)), []
    clock = types.SimpleNamespace(strftime=time.strftime, monotonic=lambda: 20.0 * next(minutes))
    monkeypatch.setattr(live_page, "time", clock)
    write = report.write_report

    def noting(*args, **how):
        seen.append(re.findall(r"(\d+) of 10 metamers were there", write(*args, **how).read_text("utf-8")))
        return run.folder.page

    monkeypatch.setattr(report, "write_report", noting)
    run, elsewhere = make_run(place, tmp_path / "out")
    done = runs.execute([run], page=runs.Page("t", "c"), progress=False, elsewhere=elsewhere)
    assert done.complete and seen[-1] == [] and len(seen) >= 2
    counts = [int(found[0]) for found in seen[:-1]]
    assert counts == sorted(set(counts)) and 0 < counts[0] < 10
    assert re.search(r"<td>sum</td>\s*<td>10</td>", run.folder.page.read_text("utf-8"))


def test_workers_make_the_bytes_of_one_process(place, tmp_path):
    own = execute(make_run(place, tmp_path / "own")[0])
    run, elsewhere = make_run(place, tmp_path / "theirs")
    theirs = execute(run, elsewhere)
    assert own.complete and theirs.complete and len(theirs.made) == 10
    there = files_of(tmp_path / "theirs")
    assert there == files_of(tmp_path / "own") and len(there) == 10 * 3 + 2
    record = next((tmp_path / "own").rglob("metamer.json")).parent
    assert (runs.read_record(record).threads, runs.read_record(record).batch_size) == (1, 3)


def test_other_threads_and_batches_are_refused_and_promise_nothing_where_they_are_not_given(place, tmp_path):
    run, _ = make_run(place, tmp_path)
    execute(run)
    for other in ({"threads": 2}, {"batch_size": 2}, {"threads": None}):
        with pytest.raises(mm.OtherSettingsError, match=next(iter(other))):
            execute(dataclasses.replace(run, **other))
    with pytest.raises(mm.InputError, match="batch_size=auto"):
        execute(dataclasses.replace(run, batch_size="auto"))
    plain = dataclasses.replace(run, threads=None, out=tmp_path / "plain")
    execute(plain)
    assert b"threads" not in plain.folder.settings.read_bytes()
    assert all(b"threads" not in path.read_bytes() for path in (tmp_path / "plain").rglob("metamer.json"))


def test_where_bits_are_promised_a_missing_metamer_is_searched_for_in_its_whole_batch(place, tmp_path):
    run, elsewhere = make_run(place, tmp_path)
    execute(run)
    before = files_of(tmp_path)
    for path in run.folder.metamer("sum", "p1").path.iterdir():
        path.unlink()
    run.folder.metamer("sum", "p1").path.rmdir()
    execute(run, elsewhere)
    assert files_of(tmp_path) == before


def test_a_unit_that_is_stopped_saves_its_search_and_goes_on_to_the_same_bytes(place, tmp_path, monkeypatch):
    execute(make_run(place, tmp_path / "own")[0])
    run, elsewhere = make_run(place, tmp_path / "theirs")
    runs.prepare(run)
    null = runs.measure_null(run, progress=False)
    (unit, *_) = search_batches.units(run, null, elsewhere)
    monkeypatch.setattr(stopping, "told", iter([False, False, True]).__next__)
    with pytest.raises(UnitStopped):
        do(unit, Needs.here(0))
    monkeypatch.undo()
    assert len(run.folder.searches()) == 1 and not unit.done()
    assert execute(run, elsewhere).complete and not run.folder.searches()
    assert files_of(tmp_path / "theirs") == files_of(tmp_path / "own")


def test_other_weights_and_other_signals_are_refused(place, tmp_path):
    run, elsewhere = make_run(place, tmp_path)
    runs.prepare(run)
    (unit, *_) = search_batches.units(run, None, elsewhere)
    for wrong, text in (
        (dataclasses.replace(unit, weights="sha256:0"), "other weights on"),
        (dataclasses.replace(unit, targets=unit.targets[::-1]), "another signal on"),
        (dataclasses.replace(unit, null="0" * 64), "null"),
    ):
        with pytest.raises(UnitFailed, match=text):
            do(wrong, Needs.here(0))


def test_what_fails_is_told_of_and_the_rest_is_made(place, tmp_path, monkeypatch):
    run, elsewhere = make_run(place, tmp_path)
    save = results.save

    def no_p1(metamer, *given):
        if metamer.stimulus == "p1":
            raise mm.InputError("p1: cannot be saved")
        return save(metamer, *given)

    monkeypatch.setattr(results, "save", no_p1)
    done = execute(run, elsewhere)
    failed = {one.stimulus: str(one.record) for one in done.made if isinstance(one.record, mm.InputError)}
    assert (
        failed == dict.fromkeys(("p1", "p2", "p3"), "p1: cannot be saved") and not done.complete
    )  # its batch


def test_blocks_by_workers_make_the_null_distribution_of_one_process(place, tmp_path):
    network = _load(f"{place}/sums.py:network")
    made = {}
    for way in ("own", "theirs"):
        stimuli = collection.find_stimuli([place / "in"], network.signal)
        run = null_runs.NullRun(network, ["sum"], stimuli, tmp_path / way, 20, block_size=4, threads=1)
        name = f"{place}/sums.py:network"
        source = null_blocks.NullSource(name, None, None, (str(place / "in"),), None, "", None, None)
        if way == "own":
            null_runs.measure(run, progress=False)
        else:
            null_blocks.measure_elsewhere(run, source, in_threads)
            assert null_blocks.measure_elsewhere(run, source, in_threads).digest
        made[way] = {path.name: path.read_bytes() for path in (tmp_path / way).iterdir() if path.is_file()}
    assert made["own"] == made["theirs"] and {"null.npz", "null.json", "settings.json"} <= made["own"].keys()


def test_a_block_that_is_stopped_is_left_and_measured_anew(place, tmp_path, monkeypatch):
    stopped = []

    def drive(units, sees, writes):
        needs = Needs.here(0)
        with monkeypatch.context() as told:
            # Told of in the midst of each block: the signals before were given.
            given = iter([False, False, False, *[True] * 100])
            told.setattr(stopping, "told", lambda: next(given))
            with pytest.raises(UnitStopped):
                do(units[0], needs)
        stopped.append(not units[0].done())
        return in_threads(units, sees, writes)

    network = _load(f"{place}/sums.py:network")
    stimuli = collection.find_stimuli([place / "in"], network.signal)
    source = null_blocks.NullSource(
        f"{place}/sums.py:network", None, None, (str(place / "in"),), None, "", None, None
    )
    made = []
    for way in ("own", "theirs"):
        run = null_runs.NullRun(network, ["sum"], stimuli, tmp_path / way, 20, block_size=4, threads=1)
        null = (
            null_runs.measure(run, progress=False)
            if way == "own"
            else null_blocks.measure_elsewhere(run, source, drive)
        )
        made.append(null.digest)
    assert stopped == [True] and made[0] == made[1]


@pytest.mark.parametrize("bad", [[0], [1, 2], [0, 1, 2]])
def test_blocks_that_fail_on_every_try_are_listed_and_the_rest_is_kept(place, tmp_path, monkeypatch, bad):
    network = _load(f"{place}/sums.py:network")
    stimuli = collection.find_stimuli([place / "in"], network.signal)
    source = null_blocks.NullSource(
        f"{place}/sums.py:network", None, None, (str(place / "in"),), None, "", None, None
    )
    own, theirs = (
        null_runs.NullRun(network, ["sum"], stimuli, tmp_path / way, pairs=18, block_size=4, threads=1)
        for way in ("own", "theirs")
    )
    measure = null_worker.measure

    def fails(block):
        if block.index in bad:
            raise mm.InputError(f"{block.index} is bad")
        measure(block)

    with monkeypatch.context() as failing, pytest.raises(null_blocks.UnmeasuredError) as failed:
        failing.setattr(null_worker, "measure", fails)
        null_blocks.measure_elsewhere(theirs, source, in_threads)
    assert failed.value.failed == {f"block {index}": f"{index} is bad" for index in bad}
    assert f"{len(bad)} of 3 blocks could not be measured ({bad[0]} is bad)" in str(failed.value)
    blocks = theirs.blocks()
    there = [null_runs.block_path(theirs, block.index).exists() for block in blocks]
    assert there == [block.index not in bad for block in blocks] and len(there) == 3
    with pytest.raises(mm.InputError, match="of a block is missing"):
        null_blocks.measure_elsewhere(theirs, source, lambda *given: {})
    again = null_blocks.measure_elsewhere(theirs, source, in_threads)
    assert again.digest == null_runs.measure(own, progress=False).digest


def test_units_are_unpickled_without_tensorflow(place, tmp_path):
    run, elsewhere = make_run(place, tmp_path)
    batches = search_batches.units(run, None, elsewhere)
    source = null_blocks.NullSource("vgg_19_small", None, None, ("in",), None, "", None, None)
    block = null_blocks.NullBlock(source, "", "", ("a",), 1, "blocks", 2, 0, 1.0, "o", 0, "p", "w")
    code = (
        "import pickle, sys\n"
        "units = pickle.loads(bytes.fromhex(sys.argv[1]))\n"
        "assert not any(unit.done() for unit in units) and len({unit.key for unit in units}) == len(units)\n"
        "assert 'tensorflow' not in sys.modules and 'keras' not in sys.modules"
    )
    given = pickle.dumps([*batches, block]).hex()
    done = subprocess.run([sys.executable, "-c", code, given], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_name_of_the_catalog_is_no_file_though_one_is_called_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vgg_19_small").mkdir()
    assert search_batches.absolute_network("vgg_19_small") == "vgg_19_small"
    assert search_batches.absolute_network("net.py:f") == f"{tmp_path}/net.py:f"
    assert search_batches.absolute_network("m.keras") == f"{tmp_path}/m.keras"
    assert search_batches.absolute("random:3") == "random:3"


@pytest.mark.parametrize(
    ("begun", "now", "told"),
    [
        (None, 1, "choose another folder, or leave out --threads and --cluster: they go on only with"),
        (1, None, "choose another folder, or give --threads=1, with which the run there was begun"),
        (2, 1, "choose another folder, or give --threads=2, with which"),
    ],
)
def test_a_run_of_other_threads_says_how_to_go_on_with_it(place, tmp_path, begun, now, told):
    run, _ = make_run(place, tmp_path / "out")
    prepare(dataclasses.replace(run, threads=begun))
    with pytest.raises(mm.OtherSettingsError, match=re.escape(told)):
        prepare(dataclasses.replace(run, threads=now))
    prepare(dataclasses.replace(run, threads=begun))
