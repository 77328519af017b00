"""Shards of a run: together they make what one process makes, to the same bytes."""

import dataclasses
import itertools
import subprocess
import sys

import pytest

import model_metamers as mm
from model_metamers import runs
from model_metamers.errors import InUseError
from model_metamers.runs.batches import WHOLE, Shard, batches
from tests.builders.logarithm import RATE, Logarithm, targets

CONFIG = mm.SynthesisConfig(iterations=12, learning_rate=RATE)
NETWORK = Logarithm()
PAGE = runs.Page("title", "command")


def make_run(out, shard=WHOLE) -> runs.Run:
    stimuli = {f"p{i}": picture for i, picture in enumerate(targets(5))}
    return runs.Run(NETWORK, ("log",), stimuli, {}, out, CONFIG, 2, shard=shard)


def files(out) -> dict[str, bytes]:
    """All results by path; without settings' dates, of which there are none."""
    kinds = ("metamer.npz", "metamer.json", "null.npz", "settings.json", "metamer.png")
    return {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*")) if p.name in kinds}


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 1, 0, 2), (2, 2, 0, 3, 1)], ids=str)
def test_shards_in_any_order_make_the_bytes_of_one_process(tmp_path, order):
    for index in order:
        done = runs.execute([make_run(tmp_path / "parts", Shard(index, 4))], progress=False)
        assert done.complete and done.page is None
    last = runs.execute([make_run(tmp_path / "parts")], page=PAGE, progress=False)
    whole = runs.execute([make_run(tmp_path / "whole")], page=PAGE, progress=False)
    assert files(tmp_path / "parts") == files(tmp_path / "whole") and len(last.made) == len(whole.made) == 5


def test_every_batch_is_in_one_shard(tmp_path):
    for count in (1, 2, 3, 7):
        cut = [list(batches(make_run(tmp_path, Shard(i, count)))) for i in range(count)]
        names = sorted(name for _, of_batch in itertools.chain(*cut) for name in of_batch)
        assert names == [f"p{i}" for i in range(5)], count
    assert list(batches(make_run(tmp_path, Shard(1, 2)))) == [("log", ["p2", "p3"])]


def test_a_shard_with_nothing_to_do_is_done(tmp_path):
    done = runs.execute([make_run(tmp_path, Shard(6, 7))], progress=False)
    assert done.complete and not done.made


def test_a_shard_leaves_what_others_have_made_alone(tmp_path):
    runs.execute([make_run(tmp_path, Shard(0, 3))], progress=False)
    record = tmp_path / NETWORK.name / "log" / "p0" / "metamer.json"
    record.write_text("damaged")
    runs.execute([make_run(tmp_path, Shard(1, 3))], progress=False)
    assert record.read_text() == "damaged"
    assert runs.execute([make_run(tmp_path)], progress=False).complete and record.read_text() != "damaged"


def test_a_shard_is_made_once_at_a_time_and_not_beside_the_whole(tmp_path):
    folder = make_run(tmp_path).folder.path
    holding = (
        "import sys; from model_metamers.storage.locks import hold\n"
        "with hold(sys.argv[1], sys.argv[2]): print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", holding, str(folder), Shard(1, 3).lock]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        for shard, told in ((Shard(1, 3), "is written to"), (WHOLE, "shard 1 of 3")):
            with pytest.raises(InUseError, match=told):
                runs.execute([make_run(tmp_path, shard)], progress=False)
        assert runs.execute([make_run(tmp_path, Shard(0, 3))], progress=False).complete
        other.stdin.close()


def test_other_settings_are_refused_in_every_shard(tmp_path):
    runs.execute([make_run(tmp_path, Shard(0, 2))], progress=False)
    other = dataclasses.replace(make_run(tmp_path, Shard(1, 2)), config=mm.SynthesisConfig(iterations=13))
    with pytest.raises(mm.OtherSettingsError, match="iterations"):
        runs.execute([other], progress=False)


@pytest.mark.parametrize("text", ["4/4", "5/4", "0/0", "1", "-1/4", "a/b", "1/2/3", ""])
def test_what_is_no_shard_is_refused(text):
    with pytest.raises(mm.InputError, match="expected i/n"):
        runs.read_shard(text)
