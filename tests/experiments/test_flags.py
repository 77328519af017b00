"""Flags of every program: values of no sense are refused in one line before anything is loaded for work."""

import subprocess
import sys

import pytest

import model_metamers as mm
from tests.experiments.test_help import binaries

# In a process of its own for each program, because they define flags of the same names; forked, since
# loading takes long. For each flag, what was accepted of values that are none.
_CHECK = """
import contextlib, importlib, io, os, sys
from absl import flags
import matplotlib.figure, scipy.stats, model_metamers
from model_metamers_experiments import binary, flag_checks

LARGE = [str(2**63), str(2**64), "-" + str(2**70)]
NUMBERS = ["nan", "-nan", "inf", "-inf", "1e20", "1e400", *LARGE, "x", "", "0x"]
NEGATIVE = {"snr_low_db", "snr_high_db"}
NUMBERED = (flags.IntegerParser, flags.FloatParser)
OF_OUR_OWN = (flag_checks.NumberOrAuto, flag_checks.NullRule)

def outcome(module, arguments):
    errors = io.StringIO()
    try:
        with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
            flags.FLAGS.unparse_flags()
            binary._read_flags(["program", *arguments], module)
        return "accepted", ""
    except SystemExit as end:
        return end.code, errors.getvalue()

def needed(own):
    values = {}
    for flag in own:
        if flag.default is None and isinstance(flag.parser, flags.EnumParser):
            values[flag.name] = flag.parser.enum_values[0]
        elif flag.default is None and not isinstance(flag.parser, OF_OUR_OWN + NUMBERED):
            values[flag.name] = "x"
    return values

def check(name):
    module = f"model_metamers_experiments.{name}"
    importlib.import_module(module)
    assert "tensorflow" not in sys.modules
    by_module = flags.FLAGS.flags_by_module_dict()
    own = [f for m, found in by_module.items() if m.startswith("model_metamers_experiments") for f in found]
    given = needed(own)
    good = [f"--{key}={value}" for key, value in given.items()]
    assert outcome(module, good)[0] == "accepted", outcome(module, good)
    cases = 0
    for flag in own:
        if isinstance(flag.parser, NUMBERED):
            wrong = [f"--{flag.name}={v}" for v in NUMBERS + ([] if flag.name in NEGATIVE else ["-1"])]
        elif isinstance(flag, flags.MultiFlag):
            wrong = [] if "" in (flag.default or []) else [f"--{flag.name}="]
        elif isinstance(flag.parser, flags.ListParser):
            wrong = [f"--{flag.name}={v}" for v in (",", "a,", ",a", "a,a", "a, ,b")]
            wrong += [] if flag.default == [] else [f"--{flag.name}="]
        elif isinstance(flag.parser, OF_OUR_OWN):
            wrong = [f"--{flag.name}={value}" for value in ("", "x", "-1")]
        elif not flag.boolean:
            wrong = [f"--{flag.name}="]
        else:
            wrong = [f"--{flag.name}=nan"]
        for argument in wrong:
            others = [a for a in good if not a.startswith(f"--{flag.name}=")]
            status, said = outcome(module, [*others, argument])
            assert status == 2, (name, argument, status, said)
            assert said.count("\\n") == 1 and "Traceback" not in said, (name, argument, said)
            cases += 1
    return cases

total = 0
for name in sys.argv[1:]:
    reading, writing = os.pipe()
    if os.fork() == 0:
        try:
            os.write(writing, str(check(name)).encode())
            os._exit(0)
        except BaseException as error:
            os.write(2, f"{name}: {error!r}\\n".encode())
            os._exit(1)
    status = os.wait()[1]
    assert status == 0, name
    total += int(os.read(reading, 20))
print(total)
"""


def test_no_program_accepts_a_flag_that_makes_no_sense():
    done = subprocess.run([sys.executable, "-c", _CHECK, *binaries()], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 1000


_WRONG_NUMBERS = [float("nan"), float("inf"), -1, 0, 1e20, 2**63, 2**64, 10**400, "1", True]


@pytest.mark.parametrize(
    "field", ["iterations", "save_every", "log_every", "learning_rate", "learning_rate_decay"]
)
def test_a_search_s_numbers_are_held_to_their_range(field):
    for value in _WRONG_NUMBERS:
        with pytest.raises(mm.InputError, match=field):
            mm.SynthesisConfig(**{field: value})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1, 1e20, 2**32, 2**64, 0.5, "0", None])
def test_a_seed_is_one_that_numpy_takes(value, tiny_vgg, small_images):
    with pytest.raises(mm.InputError, match="seed"):
        mm.SynthesisConfig(seed=value)
    with pytest.raises(mm.InputError, match="seed"):
        mm.null_distribution(tiny_vgg, ["fc6"], small_images, seed=value, progress=False)


@pytest.mark.parametrize("field", ["pairs", "memory_gb"])
def test_a_null_distribution_s_numbers_are_held_to_their_range(field, tiny_vgg, small_images):
    for value in [float("nan"), float("inf"), -1, 0, 1e20, 2**63, 10**400, "1", True]:
        with pytest.raises(mm.InputError):
            mm.null_distribution(tiny_vgg, ["fc6"], small_images, progress=False, **{field: value})


@pytest.mark.parametrize("field", ["low", "high", "rms", "sample_rate"])
def test_a_signal_s_numbers_are_numbers(field):
    given = {"kind": "sound", "shape": (10,), "low": -1.0, "high": 1.0, "sample_rate": 100, "rms": 0.1}
    with pytest.raises(mm.InputError, match=field):
        mm.SignalSpec(**(given | {field: float("nan")}))
