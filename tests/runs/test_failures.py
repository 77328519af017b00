"""What goes wrong with one metamer of a run keeps the others from nothing."""

import dataclasses

import pytest

import model_metamers as mm
from model_metamers import runs
from model_metamers.errors import StorageError
from model_metamers.runs import results, verdict_table
from model_metamers.synthesis.search import Search
from tests.builders.logarithm import RATE, Logarithm, targets

CONFIG = mm.SynthesisConfig(iterations=30, learning_rate=RATE, save_every=10)


def make_run(out, count: int = 4, diverging: int | None = 1, **changes) -> runs.Run:
    stimuli = {f"p{i}": picture for i, picture in enumerate(targets(count, diverging))}
    run = runs.Run(Logarithm(), ("log",), stimuli, {}, out, CONFIG, batch_size=count)
    return dataclasses.replace(run, **changes)


def perform(run: runs.Run) -> runs.Executed:
    return runs.execute([run], page=runs.Page("t", "c"), progress=False)


def files_of(run: runs.Run, names) -> dict[str, bytes]:
    folders = [run.folder.metamer("log", name).path for name in names]
    return {f"{f.name}/{p.name}": p.read_bytes() for f in folders for p in sorted(f.iterdir())}


def test_one_that_diverges_is_named_and_the_rest_of_its_batch_is_made(tmp_path):
    run = make_run(tmp_path / "broken", 8, 5)
    done = perform(run)
    errors = {made.stimulus: made.record for made in done.made if isinstance(made.record, mm.InputError)}
    assert list(errors) == ["p5"] and not done.complete
    assert type(errors["p5"]) is mm.DivergedError and errors["p5"].stimuli == ("p5",)
    assert f"p5 at iteration {errors['p5'].iteration}" in verdict_table.verdict_rows(done.made)[6][6]
    whole = make_run(tmp_path / "whole", 8, None)
    perform(whole)
    seven = [name for name in run.stimuli if name != "p5"]
    broken = {k: v for k, v in files_of(run, seven).items() if k.endswith("npz")}
    assert broken == {k: v for k, v in files_of(whole, seven).items() if k.endswith("npz")}
    assert len(broken) == 7 and not run.folder.metamer("log", "p5").path.exists()
    assert not list(run.out.rglob(".search-*"))


def test_a_further_run_tries_it_again_alone_and_says_so_again(tmp_path, monkeypatch):
    run = make_run(tmp_path)
    perform(run)
    before = files_of(run, ("p0", "p2", "p3"))
    searched = []
    search = Search.run

    def counted(own, batch, *args, **kwargs):
        searched.append(len(batch))
        return search(own, batch, *args, **kwargs)

    monkeypatch.setattr(Search, "run", counted)
    again = perform(run)
    assert searched == [1] and isinstance(again.made[1].record, mm.DivergedError)
    assert files_of(run, ("p0", "p2", "p3")) == before


@pytest.mark.parametrize("stop_at", [3, 12, 25])
def test_a_stopped_run_ends_with_the_same_bytes_and_the_same_error(tmp_path, monkeypatch, stop_at):
    whole = make_run(tmp_path / "whole")
    expected = perform(whole)
    broken = make_run(tmp_path / "broken")
    advance = Search._advance

    def stopped(own, state, wanted, length):
        if state.step >= stop_at:
            raise KeyboardInterrupt
        return advance(own, state, wanted, min(length, stop_at - state.step))

    monkeypatch.setattr(Search, "_advance", stopped)
    with pytest.raises(KeyboardInterrupt):
        perform(broken)
    monkeypatch.setattr(Search, "_advance", advance)
    done = perform(broken)
    assert str(done.made[1].record) == str(expected.made[1].record)
    assert files_of(broken, ("p0", "p2", "p3")) == files_of(whole, ("p0", "p2", "p3"))


def test_a_kill_after_the_search_still_tells_what_diverged(tmp_path, monkeypatch):
    run = make_run(tmp_path)
    save, saved = results.save, []

    def failing(metamer, *args):
        if saved:
            raise RuntimeError("power cut")
        saved.append(metamer.stimulus)
        return save(metamer, *args)

    monkeypatch.setattr(results, "save", failing)
    with pytest.raises(RuntimeError, match="power cut"):
        perform(run)
    monkeypatch.setattr(results, "save", save)
    monkeypatch.setattr(Search, "_advance", lambda *_: pytest.fail("searched again"))
    done = perform(run)
    assert [isinstance(made.record, mm.DivergedError) for made in done.made] == [False, True, False, False]


def test_a_full_disk_ends_the_run_at_once(tmp_path, monkeypatch):
    run = make_run(tmp_path, diverging=None, batch_size=1)
    searched = []

    def full(metamer, *_):
        searched.append(metamer.stimulus)
        raise StorageError("the disk is full")

    monkeypatch.setattr(results, "save", full)
    with pytest.raises(StorageError, match="the disk is full"):
        perform(run)
    assert searched == ["p0"]


@pytest.mark.parametrize(
    ("kind", "provoke"),
    [
        (mm.UnknownNetworkError, lambda folder: mm.load_network("vgg_99")),
        (mm.UnknownLayerError, lambda folder: mm.synthesize(Logarithm(), "conv9", targets(1)[0])),
        (mm.NoWeightsError, lambda folder: mm.load_network("mobilenet_v1")),
        (mm.DamagedFileError, lambda folder: mm.load(folder)),
        (mm.OtherSettingsError, lambda folder: other_settings(folder)),
    ],
)
def test_errors_that_a_caller_tells_apart(tmp_path, kind, provoke):
    with pytest.raises(mm.InputError) as caught:
        provoke(tmp_path)
    assert type(caught.value) is kind and "\n" not in str(caught.value)


def other_settings(folder) -> None:
    run = make_run(folder)
    runs.claim(run)
    runs.claim(dataclasses.replace(run, config=dataclasses.replace(CONFIG, seed=1)))


def test_a_run_without_any_metamer_still_has_its_page(tmp_path):
    run = make_run(tmp_path, 1, 0)
    done = perform(run)
    assert not done.complete and done.page.exists()
