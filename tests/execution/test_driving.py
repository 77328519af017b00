"""Units are handed out until all are done or failed on every try; only their output is believed."""

import dataclasses
import pickle
import subprocess
import sys
import threading

import pytest

import model_metamers as mm
from model_metamers.execution import driving, stopping
from model_metamers.execution.units import Needs, SchedulerLost, UnfitWorker, UnitFailed, UnitStopped, do
from tests.builders.file_units import FileUnit, Threads

NEEDS = Needs.here(0)


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(driving, "_TICK_S", 0.02)
    monkeypatch.setattr(driving, "_SHOWS_S", 0.05)


def units(folder, count, **how) -> list[FileUnit]:
    return [FileUnit(str(folder), f"u{i:03d}", **how) for i in range(count)]


def drive(given, workers=None, **how):
    return driving.drive(given, workers or Threads(), NEEDS, progress=False, **how)


def test_every_unit_is_done_once_and_none_again(tmp_path):
    given = units(tmp_path, 30)
    assert drive(given) == {} and all(unit.path.read_text() == unit.key for unit in given)
    again = Threads()
    assert drive(given, again) == {} and not again.order
    assert all(len(unit.tries()) == 1 for unit in given)


def test_whoever_watches_is_told_after_each_unit_and_while_none_ends(tmp_path):
    enough = threading.Event()

    class Waits(FileUnit):
        def run(self):
            assert enough.wait(20), "nobody was told while no unit ended"
            super().run()

    # One thread, so that the unit that waits is the last one: two would share the lock of `do`, which lets
    # whoever comes go first.
    given = [*units(tmp_path, 4), Waits(str(tmp_path), "waits")]
    seen = []

    def watch():
        seen.append(sum(unit.done() for unit in given))
        if seen.count(4) >= 3 and len(seen) >= 7:  # four units ended: three times it was none that did
            enough.set()

    assert drive(given, Threads(1), retries=0, watch=watch) == {}
    assert seen == sorted(seen) and seen[-1] == 5


def test_alone_in_order_what_is_not_done_and_what_one_raises_ends_all(tmp_path):
    given = [*units(tmp_path, 3), FileUnit(str(tmp_path), "bad", fails=1), FileUnit(str(tmp_path), "last")]
    given[1].run()
    with pytest.raises(ValueError, match="try 1 of bad"):
        driving.do_alone(given, progress=False)
    assert [unit.done() for unit in given] == [True, True, True, False, False]
    driving.do_alone(given, progress=False)
    assert [len(unit.tries()) for unit in given] == [1, 1, 1, 2, 1] and all(unit.done() for unit in given)


def test_units_go_out_group_by_group(tmp_path):
    given = [FileUnit(str(tmp_path), f"{i}{group}", group) for i in range(3) for group in "ba"]
    workers = Threads(1)
    drive(given, workers)
    assert workers.order == ["0b", "1b", "2b", "0a", "1a", "2a"]


@pytest.mark.parametrize(("fails", "retries"), [(1, 2), (2, 2), (1, 1)])
def test_a_unit_that_fails_is_tried_again(tmp_path, fails, retries):
    given = [*units(tmp_path, 3), FileUnit(str(tmp_path), "bad", fails=fails)]
    assert drive(given, retries=retries) == {} and len(given[-1].tries()) == fails + 1


def test_a_unit_that_fails_on_every_try_is_listed_and_the_rest_done(tmp_path):
    given = [FileUnit(str(tmp_path), "bad", fails=9), *units(tmp_path, 5)]
    assert drive(given) == {"bad": "ValueError: try 3 of bad"}
    assert all(unit.done() for unit in given[1:])


def test_what_is_final_is_not_tried_again(tmp_path):
    @dataclasses.dataclass(frozen=True)
    class Diverging(FileUnit):
        def run(self):
            super().run()
            self.path.unlink()
            raise mm.DivergedError("the loss is no longer a number", {"a": 3})

    unit = Diverging(str(tmp_path), "bad")
    assert drive([unit]) == {"bad": "the loss is no longer a number"} and len(unit.tries()) == 1


def test_output_is_believed_and_nothing_else(tmp_path):
    quiet = FileUnit(str(tmp_path), "quiet", leaves_nothing=True)
    killed = Threads(killed={"u000": 1})
    assert drive([quiet, *units(tmp_path, 2)], killed) == {"quiet": "it left no result"}
    assert "tcp://it" in killed.avoided

    class Late(Threads):
        """Workers that are killed after they wrote their result."""

        def _do(self, function, unit, needs):
            function(unit, needs)
            raise UnitFailed("its worker was killed")

    assert drive(units(tmp_path / "..", 3), Late()) == {}


def test_a_worker_that_is_told_to_end_is_no_failure(tmp_path):
    class Ending(Threads):
        stops = 7

        def _do(self, function, unit, needs):
            if self.stops:
                self.stops -= 1
                raise UnitStopped
            function(unit, needs)

    assert drive(units(tmp_path, 3), Ending(), retries=0) == {}


def test_ten_units_that_fail_for_one_reason_end_the_run(tmp_path):
    given = units(tmp_path, 40, full=True)
    with pytest.raises(mm.InputError, match=r"10 units in a row.*for one reason.*the disk is full.*nowhere"):
        drive(given, retries=0)
    assert sum(len(unit.tries()) for unit in given) < 20


def test_other_reasons_and_successes_between_do_not(tmp_path):
    given = units(tmp_path, 24, fails=9)
    good = [FileUnit(str(tmp_path), f"good{i}") for i in range(24)]
    mixed = [unit for pair in zip(given, good, strict=True) for unit in pair]
    assert len(drive(mixed, Threads(1), retries=0)) == 24


def test_a_lost_scheduler_ends_the_run_and_the_same_call_continues(tmp_path):
    given = units(tmp_path, 20)
    with pytest.raises(SchedulerLost):
        drive(given, Threads(1, lost_at=10))
    assert 0 < sum(unit.done() for unit in given) < 20
    assert drive(given) == {} and all(len(unit.tries()) == 1 for unit in given)


def test_nobody_comes(tmp_path):
    class Nobody(Threads):
        def present(self):
            return 0

        def _do(self, function, unit, needs):
            import time

            time.sleep(0.3)

    with pytest.raises(mm.InputError, match=r"no worker for 0\.001 minutes.*logs: nowhere"):
        drive(units(tmp_path, 2), Nobody(), patience_s=0.06)


def test_an_unfit_worker_ends_the_run_and_both_are_named(tmp_path):
    other = dataclasses.replace(NEEDS, packages=(*NEEDS.packages[:-1], ("scipy", "0.1")))
    with pytest.raises(UnfitWorker, match=r"has scipy 1\..*, and this process 0\.1"):
        driving.drive(units(tmp_path, 2), Threads(), other, progress=False)
    for needs, text in (
        (dataclasses.replace(NEEDS, python="2.7"), "has Python 3.* and this process 2.7"),
        (dataclasses.replace(NEEDS, sees=((str(tmp_path / "net.py"), ""),)), "does not see .*net.py"),
        (dataclasses.replace(NEEDS, writes=(str(tmp_path / "gone"),)), "cannot write: .*gone"),
    ):
        with pytest.raises(UnfitWorker, match=text):
            do(FileUnit(str(tmp_path), "u"), needs)


def test_another_file_of_that_name_is_noticed(tmp_path):
    (tmp_path / "net.py").write_text("one")
    needs = Needs.here(0, [tmp_path / "net.py"], [tmp_path])
    do(FileUnit(str(tmp_path), "u"), needs)
    (tmp_path / "net.py").write_text("two")
    with pytest.raises(UnfitWorker, match="sees another"):
        do(FileUnit(str(tmp_path), "v"), dataclasses.replace(needs, writes=()))


def test_a_process_that_is_told_to_end_begins_no_unit(tmp_path):
    stopping.tell()
    try:
        with pytest.raises(UnitStopped):
            do(FileUnit(str(tmp_path), "u"), NEEDS)
    finally:
        stopping.forget()
    assert not (tmp_path / "u.tries").exists()


def test_what_goes_between_processes_comes_out_the_same():
    for error in (UnitFailed("a: b", "b", True, "tcp://x"), UnfitWorker("why"), SchedulerLost("who")):
        again = pickle.loads(pickle.dumps(error))
        assert str(again) == str(error) and vars(again) == vars(error)
    assert pickle.loads(pickle.dumps(NEEDS)) == NEEDS


def test_units_are_handed_out_and_unpickled_without_tensorflow(tmp_path):
    unit = pickle.dumps((do, FileUnit(str(tmp_path), "u"), NEEDS))
    code = (
        "import pickle, sys\n"
        "from model_metamers.execution import driving, units, worker_setup\n"
        "do, unit, needs = pickle.loads(bytes.fromhex(sys.argv[1]))\n"
        "do(unit, needs)\n"
        "assert unit.done() and 'tensorflow' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code, unit.hex()], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
