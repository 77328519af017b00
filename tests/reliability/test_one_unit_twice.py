"""Two processes that do one unit of work at once: one result, and neither is told of an error."""

import concurrent.futures
from pathlib import Path

import pytest

import model_metamers as mm
from model_metamers import runs
from tests.builders import binaries
from tests.builders.logarithm import RATE, Logarithm, targets

# Makes one batch of metamers again and again, each time when another process is about to; a unit of a run
# has no lock, since whoever hands them out may hand one out twice.
MAKES = """
import os
import sys
from pathlib import Path
import model_metamers as mm
from model_metamers import runs
from tests.builders.logarithm import RATE, Logarithm, targets
out, own, other = Path(sys.argv[1]), *sys.argv[2:4]
network, pictures = Logarithm(), targets(2)
config = mm.SynthesisConfig(iterations=6, learning_rate=RATE, save_every=2)
for i in range(int(sys.argv[4])):
    stimuli = {f"p{k}": picture for k, picture in enumerate(pictures)}
    run = runs.Run(network, ("log",), stimuli, {}, out / str(i), config, 2)
    (out / f"ready_{i}_{own}").touch()
    while not (out / f"ready_{i}_{other}").exists():
        os.sched_yield()
    try:
        made = list(runs.make(run, None, progress=False))
        print("made" if not any(isinstance(one.record, mm.InputError) for one in made) else made)
    except Exception as error:
        print(type(error).__name__, error)
"""
# Looks at one block of metamers again and again, as above.
LOOKS = """
import os
import sys
from pathlib import Path
from model_metamers.recognition import kept, presentations
from tests.builders.logarithm import Logarithm
out, own, other = Path(sys.argv[1]), *sys.argv[2:4]
shown = presentations.find([out / "run"], "none")
for i in range(int(sys.argv[4])):
    (block,) = kept.blocks(Logarithm(), shown, out / str(i))
    (out / f"ready_{i}_{own}").touch()
    while not (out / f"ready_{i}_{other}").exists():
        os.sched_yield()
    try:
        block.run()
        print("looked" if block.done() else "damaged")
    except Exception as error:
        print(type(error).__name__, error)
"""
TIMES = 50


def _both(program: str, folder: Path) -> list:
    """Two processes of a program, at once."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        given = [(str(folder), own, other, str(TIMES)) for own, other in ("ab", "ba")]
        return list(pool.map(lambda flags: binaries.run_program(program, *flags), given))


@pytest.mark.slow
def test_of_two_that_make_a_batch_at_once_both_find_one_result(tmp_path):
    ended = _both(MAKES, tmp_path)
    told = [line for one in ended for line in one.stdout.splitlines()]
    assert told == ["made"] * (2 * TIMES), ended
    assert not any("another process" in one.stderr for one in ended), ended  # the same to the bit
    contents = set()
    for i in range(TIMES):
        of_layer = tmp_path / str(i) / "logarithm" / "log"
        assert sorted(path.name for path in of_layer.iterdir()) == ["p0", "p1"]  # no state, nothing partial
        contents.add(tuple((of_layer / name / "metamer.npz").read_bytes() for name in ("p0", "p1")))
    assert len(contents) == 1


@pytest.mark.slow
def test_of_two_that_look_at_a_block_at_once_both_find_one_result(tmp_path):
    network, pictures = Logarithm(), dict(enumerate(targets(3)))
    stimuli = {f"p{i}": picture for i, picture in pictures.items()}
    config = mm.SynthesisConfig(iterations=2, learning_rate=RATE)
    runs.execute([runs.Run(network, ("log",), stimuli, {}, tmp_path / "run", config)], progress=False)
    ended = _both(LOOKS, tmp_path)
    assert [line for one in ended for line in one.stdout.splitlines()] == ["looked"] * (2 * TIMES), ended
    contents = set()
    for i in range(TIMES):
        (block,) = (tmp_path / str(i)).iterdir()  # nothing partial
        contents.add(block.read_bytes())
    assert len(contents) == 1
