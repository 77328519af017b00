"""Metamers are written while the next ones are searched for, and nothing that was found is lost."""

import concurrent.futures
import dataclasses
import io
import sys
import threading
import time

import numpy as np
import pytest

import model_metamers as mm
from model_metamers import runs
from model_metamers.errors import StorageError
from model_metamers.runs import results
from model_metamers.runs.run_bar import RunBar
from model_metamers.synthesis.search import Search
from tests.builders.logarithm import RATE, Logarithm, targets

CONFIG = mm.SynthesisConfig(iterations=30, learning_rate=RATE, save_every=10)
LONGEST_S = 30.0  # that a test waits for what must come
NETWORK = Logarithm()


def make_run(out, count: int = 3, batch_size: int = 1) -> runs.Run:
    stimuli = {f"p{i}": picture for i, picture in enumerate(targets(count))}
    return runs.Run(NETWORK, ("log",), stimuli, {}, out, CONFIG, batch_size)


def perform(run: runs.Run) -> list[runs.Made]:
    runs.prepare(run)
    return list(runs.make(run, None, progress=False))


def events(monkeypatch, before_save=lambda: None, at_step=lambda done: None) -> list[str]:
    """What begins and ends, in order; with something to do before a metamer is saved, and after a burst."""
    told, searches = [], []
    save, search, advance = results.save, Search.run, Search._advance

    def saved(metamer, *args):
        before_save()
        save(metamer, *args)
        told.append(f"saved {metamer.stimulus}")

    def searched(own, *args, **kwargs):
        searches.append(own)
        told.append(f"search {len(searches)}")
        return search(own, *args, **kwargs)

    def advanced(own, now, wanted, length):
        now = advance(own, now, wanted, min(length, 5))
        at_step((len(searches), now.step))
        return now

    monkeypatch.setattr(results, "save", saved)
    monkeypatch.setattr(Search, "run", searched)
    monkeypatch.setattr(Search, "_advance", advanced)
    return told


def test_a_batch_is_written_while_the_next_is_searched_for(tmp_path, monkeypatch):
    second = threading.Event()
    told = events(
        monkeypatch,
        before_save=lambda: second.wait(LONGEST_S) or pytest.fail("the search waits for the files"),
        at_step=lambda done: done >= (2, 5) and second.set(),
    )
    made = perform(make_run(tmp_path))
    assert [one.stimulus for one in made] == ["p0", "p1", "p2"]
    assert told.index("search 2") < told.index("saved p0") < told.index("saved p1") < told.index("saved p2")
    assert not list(tmp_path.rglob(".search-*"))


def test_files_are_at_most_one_batch_behind(tmp_path, monkeypatch):
    told = events(monkeypatch, before_save=lambda: time.sleep(0.3))
    perform(make_run(tmp_path, 4))
    for batch in (3, 4):
        assert told.index(f"saved p{batch - 3}") < told.index(f"search {batch}")


@pytest.mark.parametrize("step", [5, 15, 30])
def test_ctrl_c_waits_for_what_is_being_written(tmp_path, monkeypatch, step):
    def interrupt(done):
        if done >= (2, step):
            raise KeyboardInterrupt

    run = make_run(tmp_path, 4, batch_size=2)
    with monkeypatch.context() as patched:
        told = events(patched, before_save=lambda: time.sleep(0.3), at_step=interrupt)
        with pytest.raises(KeyboardInterrupt):
            perform(run)
    assert told == ["search 1", "search 2", "saved p0", "saved p1"]
    assert [folder.name for folder in run.folder.metamers()] == ["p0", "p1"]
    assert len(run.folder.searches()) == 1  # of the second batch
    assert [one.stimulus for one in perform(run)] == ["p0", "p1", "p2", "p3"]


def test_a_state_stays_until_its_metamers_are_written(tmp_path, monkeypatch):
    run, there = make_run(tmp_path, 2, batch_size=2), []
    events(monkeypatch, before_save=lambda: there.append(len(run.folder.searches())))
    perform(run)
    assert there == [1, 1] and not run.folder.searches()


@pytest.mark.parametrize("error", [StorageError("the disk is full"), RuntimeError("a defect")])
def test_an_error_of_writing_ends_the_search_that_goes_on_meanwhile(tmp_path, monkeypatch, error):
    def fail():
        raise error

    steps = []
    told = events(monkeypatch, before_save=fail, at_step=lambda done: (steps.append(done), time.sleep(0.1)))
    with pytest.raises(type(error), match=str(error)):
        perform(make_run(tmp_path))
    assert told == ["search 1", "search 2"] and steps[-1] == (2, 10)  # where a state is saved first


def test_a_metamer_that_cannot_be_written_for_other_reasons_is_named_and_the_rest_is_made(
    tmp_path, monkeypatch
):
    save = results.save

    def some(metamer, *args):
        if metamer.stimulus == "p1":
            raise mm.InputError("its name cannot be printed")
        save(metamer, *args)

    monkeypatch.setattr(results, "save", some)
    made = perform(make_run(tmp_path))
    assert [isinstance(one.record, mm.InputError) for one in made] == [False, True, False]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_without_progress_nothing_is_shown(tmp_path, monkeypatch, stream):
    monkeypatch.setattr(sys, "stderr", stream())
    runs.execute([make_run(tmp_path)], progress=False)
    assert sys.stderr.getvalue() == ""


def test_a_log_gets_lines_and_no_bars(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    pair = [make_run(tmp_path / name, 2, batch_size=2) for name in "ab"]
    runs.execute(pair, progress=True)
    text = sys.stderr.getvalue()
    text = text[text.index("metamers: ") :]  # after the null distribution's bar
    assert "\r" not in text and "\x1b" not in text and text.endswith("\n")
    of_run = [line for line in text.splitlines() if line.startswith("metamers: ")]
    assert of_run[0].startswith("metamers: 0.0 of 4, ") and of_run[-1].startswith("metamers: 4.0 of 4, ")


def test_a_terminal_gets_one_bar_for_all_runs_above_that_of_the_batch(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    runs.execute([make_run(tmp_path / name, 2) for name in "ab"], progress=True)
    text = sys.stderr.getvalue()
    assert "metamers: 100%" in text and "4.0 of 4 [" in text and "logarithm log: " in text
    assert text.count("metamers:   0%") >= 1 and "2.0 of 2" not in text


def test_what_was_there_counts_but_tells_nothing_of_the_time(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with RunBar([make_run(None, 8)], progress=True) as bar:
        inner = bar._bar
        bar.begin(size=4, searched=2, finished=0.5)
        assert inner.n == inner.initial == 3.0
        bar.told(0.75)
        assert (inner.n, inner.initial) == (3.5, 3.0)
        bar.end()
        bar.begin(size=4, searched=4, finished=0.0)
        bar.told(0.25)
        assert (inner.n, inner.initial) == (5.0, 3.0)
        bar.end()
        assert inner.n == 8.0


def test_a_batch_that_ends_early_counts_as_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    run = make_run(tmp_path, 2, batch_size=2)
    monkeypatch.setattr(Search, "_bursts", lambda own, now, *_: iter([now]))  # as when all have diverged
    with RunBar([run], progress=True) as bar:
        runs.prepare(run)
        list(runs.make(run, None, True, bar))
        assert bar._bar.n == 2.0


def one_metamer() -> mm.Metamer:
    config = mm.SynthesisConfig(iterations=3, learning_rate=RATE)
    return mm.synthesize(NETWORK, "log", targets(1), config, progress=False)[0]


def save_at_once(folder, *metamers) -> None:
    """Saves them in threads of their own, which begin together."""
    together = threading.Barrier(len(metamers))

    def save(metamer):
        together.wait()
        results.save_once(metamer, folder)

    with concurrent.futures.ThreadPoolExecutor(len(metamers)) as pool:
        list(pool.map(save, metamers))


def test_of_many_that_write_a_metamer_at_once_all_find_one(tmp_path, caplog):
    metamer = one_metamer()
    for i in range(10):
        save_at_once(tmp_path / str(i) / "p0", *[metamer] * 4)
        assert [path.name for path in (tmp_path / str(i)).iterdir()] == ["p0"]
        assert (results.load(tmp_path / str(i) / "p0").signal == metamer.signal).all()
    assert not caplog.records


def test_whoever_comes_second_with_another_result_is_told_and_the_first_stays(tmp_path, caplog):
    first = one_metamer()
    results.save_once(first, tmp_path / "p0")
    results.save_once(dataclasses.replace(first, signal=first.signal + np.float32(0.25)), tmp_path / "p0")
    assert "made one that is up to 0.25 away" in caplog.text and "first to be written stays" in caplog.text
    assert (results.load(tmp_path / "p0").signal == first.signal).all()
