"""After a run, all verdicts of a layer in its folder are of one null distribution."""

import dataclasses
import logging
from pathlib import Path

import numpy as np
import pytest

import model_metamers as mm
from model_metamers import criteria, runs
from model_metamers.runs import intact, mending
from model_metamers.runs.record import read_record
from model_metamers.synthesis.search import Search

LAYERS = ("conv1_2", "fc7")


@pytest.fixture(scope="module")
def signals(small_images) -> dict[str, np.ndarray]:
    turned = [image[::-1] for image in small_images]
    return {f"photo_{i}": np.ascontiguousarray(image) for i, image in enumerate([*small_images, *turned])}


@pytest.fixture
def notes(caplog):
    caplog.set_level(logging.INFO, "model_metamers")
    return caplog


def make_run(network, signals, out: Path, names: str, **changes) -> runs.Run:
    """Of the signals of these numbers."""
    stimuli = {f"photo_{i}": signals[f"photo_{i}"] for i in names}
    run = runs.Run(network, LAYERS, stimuli, {}, out, mm.SynthesisConfig(iterations=2))
    return dataclasses.replace(run, **changes)


def perform(run: runs.Run) -> mm.NullDistribution | None:
    return runs.execute([run], progress=False).nulls[0]


def check_all_of(run: runs.Run, null, count: int) -> None:
    """Every metamer in the folder has the verdict of this null distribution, measured or given."""
    places = [place.path for place in run.folder.metamers()]
    assert len(places) == count
    records = [read_record(place) for place in places]
    intact.check_nulls(zip(places, records, strict=True))
    for place, record in zip(places, records, strict=True):
        intact.check_files(place, record)
        assert record.null_sha256 == null.digest
        measured = record.floats.measurement, record.file.measurement
        assert [record.floats.verdict, record.file.verdict] == [
            criteria.verdict_on(one, record.layer, null) for one in measured
        ]


@pytest.mark.parametrize("order", [("01", "012345"), ("012345", "01"), ("01", "2345", "012"), ("01", "01")])
def test_more_and_fewer_inputs_leave_verdicts_of_one_null(tmp_path, tiny_vgg, signals, order):
    there: set[str] = set()
    nulls = []
    for names in order:
        run = make_run(tiny_vgg, signals, tmp_path, names)
        null = perform(run)
        there |= set(names)
        check_all_of(run, null, len(there) * len(LAYERS))
        nulls.append(null)
    for kind in (lambda null: null.digest, lambda null: null.maximum("conv1_2")):
        assert len(set(map(kind, nulls))) == len(set(order))


def test_only_records_are_written_and_nothing_is_searched(tmp_path, tiny_vgg, signals, monkeypatch, notes):
    perform(make_run(tiny_vgg, signals, tmp_path, "01"))
    folder = tmp_path / "vgg_tiny"
    before = {p: p.read_bytes() for p in folder.rglob("photo_*/*") if p.suffix != ".json"}
    run = make_run(tiny_vgg, signals, tmp_path, "01", null_stimuli={"a": signals["photo_5"]})
    monkeypatch.setattr(Search, "run", lambda *_, **__: pytest.fail("searched again"))
    perform(run)
    assert {p: p.read_bytes() for p in before} == before
    assert notes.messages == ["4 metamers were judged anew, by the null distribution of this run"]
    perform(run)
    assert len(notes.messages) == 1


def test_a_null_given_later_judges_what_had_no_verdict(tmp_path, tiny_vgg, signals, notes):
    alone = make_run(tiny_vgg, signals, tmp_path, "0")
    assert perform(alone) is None
    record = read_record(alone.folder.metamer("fc7", "photo_0").path)
    assert record.floats.verdict is record.file.verdict is record.null_sha256 is None
    given = mm.null_distribution(tiny_vgg, tiny_vgg.layers, np.stack(list(signals.values())), progress=False)
    run = dataclasses.replace(alone, null=given)
    perform(run)
    check_all_of(run, given, 2)
    assert "2 metamers were judged anew" in notes.text
    perform(alone)  # without a null again: what was judged stays so
    check_all_of(run, given, 2)


def test_a_layer_that_the_null_lacks_keeps_its_verdicts_and_is_named(tmp_path, tiny_vgg, signals, notes):
    first = perform(make_run(tiny_vgg, signals, tmp_path, "01"))
    other = mm.null_distribution(tiny_vgg, ["fc7"], np.stack(list(signals.values())), progress=False)
    run = make_run(tiny_vgg, signals, tmp_path, "01", layers=("fc7",), null=other)
    perform(run)
    for layer, null in (("conv1_2", first), ("fc7", other)):
        for place in run.folder.metamers([layer]):
            assert read_record(place.path).null_sha256 == null.digest
    named = str(run.folder.metamer("conv1_2", "photo_0").path)
    assert any("lacks the layer" in message and named in message for message in notes.messages)


def test_a_kill_among_the_verdicts_is_made_good(tmp_path, tiny_vgg, signals, monkeypatch):
    perform(make_run(tiny_vgg, signals, tmp_path, "01"))
    run = make_run(tiny_vgg, signals, tmp_path, "012")
    write, written = mending.write_record, []

    def failing(*args):
        if len(written) == 2:
            raise RuntimeError("power cut")
        written.append(write(*args))

    monkeypatch.setattr(mending, "write_record", failing)
    with pytest.raises(RuntimeError, match="power cut"):
        perform(run)
    places = [place.path for place in run.folder.metamers()]
    kept = {read_record(place).null_sha256 for place in places}
    assert len(kept) == 2
    monkeypatch.setattr(mending, "write_record", write)
    check_all_of(run, perform(run), 6)


def test_two_runs_of_one_folder_of_two_networks_keep_their_own_nulls(tmp_path, tiny_vgg, signals):
    from tests.conftest import make_tiny_vgg

    other = make_tiny_vgg(1)
    other._label = "vgg_other"
    pair = [make_run(network, signals, tmp_path, "01") for network in (tiny_vgg, other)]
    done = runs.execute(pair, progress=False)
    for run, null in zip(pair, done.nulls, strict=True):
        check_all_of(run, null, 4)
    assert done.nulls[0].digest != done.nulls[1].digest
