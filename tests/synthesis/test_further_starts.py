"""Further starts of searches that are stuck: which there are, which one is kept, and the same bytes."""

import dataclasses
import math

import numpy as np
import pytest

import model_metamers as mm
from model_metamers import InputError, runs
from model_metamers.runs import results, verdict_table
from model_metamers.runs.record import read_record
from model_metamers.runs.run_bar import RunBar
from model_metamers.synthesis import Start
from model_metamers.synthesis.search import Search
from model_metamers.synthesis.starts import further_seed
from tests.builders.logarithm import LIMIT, RATE, Logarithm, null_of, targets

TARGETS = targets(6)
NETWORK = Logarithm()  # one for all, as what it compiles is kept
SEEDS = [further_seed(0, number) for number in range(3)]
NULL = null_of(0.8)


def config(**changes) -> mm.SynthesisConfig:
    given = mm.SynthesisConfig(iterations=5, learning_rate=RATE, save_every=2, log_every=1, starts=3)
    return dataclasses.replace(given, **changes)


def found(null=NULL, pictures=TARGETS, **changes) -> list[mm.Metamer]:
    return mm.synthesize(NETWORK, "log", pictures, config(**changes), progress=False, null=null)


@pytest.fixture(scope="module")
def alone() -> list[list[mm.Metamer]]:
    """The metamers of each signal by itself from each of the seeds."""
    return [[found(None, picture, starts=1, seed=seed) for seed in SEEDS] for picture in TARGETS]


def expected_starts(of_one: list[mm.Metamer], null) -> tuple[int, int]:
    """How many starts there are, and which is kept, by a plain reading of the rule."""
    for number, metamer in enumerate(of_one):
        if mm.check(metamer, null).passes:
            return number + 1, number
    return 3, int(np.argmin([metamer.loss[-1] for metamer in of_one]))


@pytest.mark.parametrize(("maximum", "counts"), [(0.75, {1, 2, 3}), (0.8, {1, 3}), (2.0, {3}), (-1.0, {1})])
def test_what_is_stuck_is_searched_again_and_all_starts_are_told(alone, maximum, counts):
    null, had = null_of(maximum), set()
    for metamer, of_one in zip(found(null), alone, strict=True):
        count, kept = expected_starts(of_one, null)
        had.add(count)
        assert [start.seed for start in metamer.starts] == SEEDS[:count]
        assert [start.kept for start in metamer.starts].index(True) == kept
        assert sum(start.kept for start in metamer.starts) == 1
        np.testing.assert_allclose(metamer.signal, of_one[kept].signal, atol=1e-6)
        assert metamer.loss[-1] == pytest.approx(metamer.starts[kept].loss)
        assert metamer.config == config().for_network(NETWORK)
        for start, by_itself in zip(metamer.starts, of_one, strict=False):
            assert start.loss == pytest.approx(by_itself.loss[-1], rel=1e-3)
            assert start.verdict.rho == pytest.approx(by_itself.spearman["log"], abs=1e-3)
            assert (start.metamer_class, start.iterations) == (by_itself.metamer_class, 5)
            assert start.verdict.passes == mm.check(by_itself, null).passes
    assert had == counts


def test_only_those_that_are_stuck_are_searched_again(monkeypatch):
    run, sizes = Search.run, []

    def told(search, pictures, *args, **kwargs):
        sizes.append((len(pictures), search.config.seed))
        return run(search, pictures, *args, **kwargs)

    monkeypatch.setattr(Search, "run", told)
    metamers = found()
    stuck = [sum(len(m.starts) > number for m in metamers) for number in range(3)]
    assert stuck[0] == 6 > stuck[1] >= stuck[2] > 0
    assert sizes == list(zip(stuck, SEEDS, strict=True))


def test_one_start_is_as_before_and_tells_of_none(alone):
    one = found(None, starts=1)
    assert [metamer.starts for metamer in one] == [()] * 6
    assert "starts" not in config(starts=1).values() and "starts" not in config(starts=1).identity()
    assert config().identity()["starts"] == 3


def test_a_signal_that_diverges_is_searched_again_and_one_that_cannot_be_matched_is_not(monkeypatch):
    pictures = targets(4)
    pictures[2] = LIMIT + 0.01  # its own activations are no numbers
    advance = Search._advance

    def diverging(search, now, wanted, length):
        now = advance(search, now, wanted, length)
        if search.config.seed == SEEDS[0] and now.step == 2:
            losses = now.losses.copy()
            losses[2:, 1] = np.inf  # as after a step beyond the limit
            now = dataclasses.replace(now, losses=losses)
        return now

    monkeypatch.setattr(Search, "_advance", diverging)
    with pytest.raises(mm.DivergedError) as error:
        found(null_of(-1.0), pictures)
    assert error.value.stimuli == ("signal_2",)
    by_name = {metamer.stimulus: metamer for metamer in error.value.metamers}
    assert list(by_name) == ["signal_0", "signal_1", "signal_3"]
    first, second, *_ = by_name["signal_1"].starts
    assert first == Start(SEEDS[0], 2, None, None, None, False)
    assert second.verdict is not None and math.isfinite(second.loss)


def test_ctrl_c_in_a_further_start_keeps_what_the_first_gave(monkeypatch):
    whole, advance = found(), Search._advance

    def stopped(search, now, wanted, length):
        if search.config.seed == SEEDS[1]:
            raise KeyboardInterrupt
        return advance(search, now, wanted, length)

    monkeypatch.setattr(Search, "_advance", stopped)
    with pytest.raises(mm.Stopped, match="stopped at iteration 0 of 5") as error:
        found()
    assert [len(metamer.starts) for metamer in error.value.metamers] == [1] * 6
    for metamer, of_all in zip(error.value.metamers, whole, strict=True):
        assert dataclasses.replace(metamer.starts[0], kept=of_all.starts[0].kept) == of_all.starts[0]


@pytest.mark.parametrize(
    ("null", "changes", "message"),
    [
        (None, {}, r"starts=3: needs a null distribution; give one \(null, --null\)"),
        (dataclasses.replace(NULL, checkpoint="other"), {}, "measure one for it"),
        (null_of(0.5, layer="logits"), {}, "has no layer 'log'"),
        (NULL, {"starts": 0}, "starts=0: expected 1 to 1,000"),
        (NULL, {"starts": 1.5}, "starts=1.5: expected a whole number"),
        (NULL, {"starts": True}, "starts=True: expected a number"),
    ],
)
def test_what_cannot_be_is_refused(null, changes, message):
    with pytest.raises(InputError, match=message):
        found(null, **changes)


def test_a_start_that_is_given_leaves_no_further_ones():
    with pytest.raises(InputError, match="starts=3: searches from noise, and a start is given"):
        mm.synthesize(NETWORK, "log", TARGETS, config(), TARGETS[0], progress=False, null=NULL)


def make_run(out, pictures=TARGETS, null=NULL, **changes) -> runs.Run:
    stimuli = {f"p{i}": picture for i, picture in enumerate(pictures)}
    return runs.Run(NETWORK, ("log",), stimuli, {}, out, config(**changes), batch_size=3, null=null)


def files_below(folder) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


# Steps of the starts of two batches of three: 5, 5, 5, 5, 5, 5.
@pytest.mark.parametrize("stop_at", [4, 6, 8, 12, 18, 23, 28])
@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_a_run_that_is_killed_in_any_start_ends_with_the_same_bytes(
    tmp_path, monkeypatch, optimizer, stop_at
):
    null = null_of(0.8 if optimizer == "adam" else 2.0)
    runs.execute([make_run(tmp_path / "whole", null=null, optimizer=optimizer)], progress=False)
    broken = make_run(tmp_path / "broken", null=null, optimizer=optimizer)
    advance, steps = Search._advance, []

    def failing(search, now, wanted, length):
        length = min(length, 2)
        if sum(steps) + length > stop_at:
            raise RuntimeError("power cut")  # as a kill: nothing more is saved
        steps.append(length)
        return advance(search, now, wanted, length)

    with monkeypatch.context() as patched, pytest.raises(RuntimeError, match="power cut"):
        patched.setattr(Search, "_advance", failing)
        runs.execute([broken], progress=False)
    assert broken.folder.searches()
    runs.execute([broken], progress=False)
    assert files_below(tmp_path / "whole") == files_below(tmp_path / "broken")
    assert not broken.folder.searches()


def test_a_kill_between_the_files_of_a_batch_loses_no_start(tmp_path, monkeypatch):
    runs.execute([make_run(tmp_path / "whole", TARGETS[:3])], progress=False)
    broken, save, saved = make_run(tmp_path / "broken", TARGETS[:3]), results.save, []

    def failing(metamer, *args):
        if len(saved) == 2:
            raise RuntimeError("power cut")
        saved.append(metamer.stimulus)
        return save(metamer, *args)

    with monkeypatch.context() as patched, pytest.raises(RuntimeError, match="power cut"):
        patched.setattr(results, "save", failing)
        runs.execute([broken], progress=False)
    monkeypatch.setattr(Search, "_advance", lambda *_: pytest.fail("searched again"))
    runs.execute([broken], progress=False)
    assert files_below(tmp_path / "whole") == files_below(tmp_path / "broken")


def test_a_run_records_all_starts_and_shows_them(tmp_path):
    run = make_run(tmp_path)
    done = runs.execute([run], page=runs.Page("t", "c"), progress=False)
    records = [made.record for made in done.made]
    counts = [len(record.starts) for record in records]
    assert set(counts) == {1, 3}
    for record in records:
        folder = run.folder.metamer("log", record.stimulus).path
        loaded = mm.load(folder)
        assert loaded.starts == record.starts == read_record(folder).starts
        kept = next(start for start in record.starts if start.kept)
        assert record.loss_last == kept.loss and record.floats.verdict == kept.verdict
        assert record.config.starts == 3 and record.config.seed == 0
    rows = verdict_table.verdict_rows(done.made)
    assert rows[0][-1] == "start kept"
    for row, record in zip(rows[1:], records, strict=True):
        kept = [start.kept for start in record.starts].index(True) + 1
        assert row[-1] == (f"{kept} of {len(record.starts)}" if len(record.starts) > 1 else "")
    assert done.page.read_text().count(">3 starts:") == counts.count(3)
    assert runs.execute([run], progress=False).made == done.made


def test_a_bar_counts_all_starts_that_may_be_needed(tmp_path, monkeypatch):
    shares, told = [], RunBar.told
    monkeypatch.setattr(RunBar, "told", lambda bar, share: (shares.append(share), told(bar, share)))
    runs.execute([make_run(tmp_path, TARGETS[:3])], progress=False)
    assert shares == sorted(shares) and shares[-1] == 1.0
    assert {1 / 3, 2 / 3} <= set(shares)


def test_a_run_belongs_to_its_null_and_its_starts(tmp_path):
    runs.execute([make_run(tmp_path)], progress=False)
    with pytest.raises(InputError, match=r"other settings \(null=[0-9a-f]+ there"):
        runs.claim(make_run(tmp_path, null=null_of(0.6)))
    with pytest.raises(InputError, match="starts=3 there, 2 now"):
        runs.claim(make_run(tmp_path, starts=2))
    with pytest.raises(InputError, match=r"starts=3: needs a null distribution.*--null_inputs"):
        runs.check(make_run(tmp_path / "other", TARGETS[:1], null=None))
