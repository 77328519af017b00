"""How programs end: a line for what the user can mend, a traceback for a defect, told to stop at any time."""

import errno
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
import tensorflow as tf

import model_metamers as mm
from model_metamers_experiments import binary
from tests.experiments.test_help import binaries

_MAIN = """
import sys, time, types
from absl import flags
sys.argv[0] = "make_metamers"
import model_metamers_experiments
{load}
from model_metamers_experiments import binary
import model_metamers as mm
flags.DEFINE_string("out", None, "Folder.")
def main():
{main}
binary.run(main, tensorflow=False)
"""


def _slow(*values):
    return [pytest.param(*(v if isinstance(v, tuple) else (v,)), marks=pytest.mark.slow) for v in values]


def _start(main: str, *arguments: str, load: str = "", **options) -> subprocess.Popen:
    code = _MAIN.format(main=textwrap.indent(textwrap.dedent(main), "    "), load=load)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen([sys.executable, "-c", code, *arguments], text=True, **pipes)


def _run(main: str, *arguments: str, **options) -> tuple[int, str, str]:
    process = _start(main, *arguments, **options)
    out, err = process.communicate(timeout=60)
    return process.returncode, out or "", err or ""


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (mm.InputError("a\nb"), "a\nb"),
        (OSError(errno.ENOSPC, "x", "/d/a.npz"), "/d/a.npz: the disk is full"),
        (OSError(errno.EMFILE, "x"), "too many files are open"),
        (PermissionError(errno.EACCES, "x", "a"), "a: permission is denied"),
        (MemoryError(), "memory ran out; lower --batch_size"),
        (tf.errors.ResourceExhaustedError(None, None, "OOM when\nallocating"), "memory ran out"),
        (tf.errors.ResourceExhaustedError(None, None, "/x; No space left on device"), "the disk is full"),
        (tf.errors.UnknownError(None, None, "/x; Read-only file system"), "the disk can only be read"),
    ],
)
def test_what_the_user_can_mend_is_told(error, told):
    assert binary.mendable(error).startswith(told)


@pytest.mark.parametrize(
    "error", [KeyError("a"), FileNotFoundError(2, "No such file"), ValueError("a"), RuntimeError("b")]
)
def test_a_defect_is_none_of_these(error):
    assert binary.mendable(error) is None


@pytest.mark.parametrize("text", ["a\nb\r\n c\x1b[31m", "a\u2028b\x85 c\x1b[31m", " a b\t\n\nc\x1b[31m\n"])
def test_what_is_told_is_one_line(text, capfd):
    binary.tell(text)
    assert capfd.readouterr().err.rpartition(": ")[2] == "a b c\\x1b[31m\n"


def test_an_error_ends_the_program_with_a_line_or_a_traceback():
    status, _, err = _run("raise mm.InputError('a\\nb')")
    assert (status, err) == (2, "make_metamers: a b\n")
    status, _, err = _run("raise KeyError('a')")
    assert status == 1 and "Traceback" in err


@pytest.mark.parametrize(
    "argument", ["--out=", *_slow("--nonsense=1", "--flagfile=/nowhere", "word", "--flagfile=/", "--seed")]
)
def test_wrong_flags_are_one_line(argument):
    status, out, err = _run("raise KeyError", argument)
    assert (status, out, err.count("\n")) == (2, "", 1), err
    assert err.startswith("make_metamers: ")


def status_after(name):
    """By convention; SIGUSR1, a cluster's warning, counts as SIGTERM."""
    return 128 + getattr(signal, "SIGTERM" if name == "SIGUSR1" else name)


@pytest.mark.parametrize(
    ("name", "times"), [("SIGINT", 3), *_slow(("SIGTERM", 1), ("SIGINT", 1), ("SIGHUP", 2), ("SIGUSR1", 2))]
)
def test_told_to_stop_it_saves_and_ends_with_a_line(name, times):
    number = getattr(signal, name)
    process = _start(
        """
        try:
            print("at work", flush=True)
            time.sleep(30)
        except KeyboardInterrupt:
            time.sleep(0.3)
            print("saved", flush=True)
            raise
        """
    )
    assert process.stdout.readline() == "at work\n"
    for _ in range(times):
        process.send_signal(number)
        time.sleep(0.05)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (status_after(name), "saved\n")
    assert err == "make_metamers: stopped; what was done is kept, and the same command continues\n"


@pytest.mark.parametrize("name", ["SIGTERM", *_slow("SIGINT", "SIGHUP", "SIGUSR1")])
def test_told_to_stop_while_it_is_loaded_it_ends_with_a_line(name):
    number = getattr(signal, name)
    process = _start("pass", load="print('loads', flush=True); time.sleep(30)")
    assert process.stdout.readline() == "loads\n"
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == status_after(name)
    assert err == "make_metamers: stopped before it began; nothing was written\n"


@pytest.mark.slow
def test_an_error_that_follows_from_being_stopped_is_no_defect():
    main = """
    import os, signal
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    except KeyboardInterrupt:
        raise RuntimeError("TensorFlow was interrupted")
    """
    assert _run(main)[::2] == (
        143,
        "make_metamers: stopped; what was done is kept, and the same command continues\n",
    )


@pytest.mark.slow
def test_what_is_ignored_from_outside_stays_ignored():
    main = "import os, signal; os.kill(os.getpid(), signal.SIGHUP); time.sleep(0.1); print('done')"
    ignoring = {"preexec_fn": lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)}  # as nohup does
    assert _run(main, **ignoring)[:2] == (0, "done\n")


@pytest.mark.parametrize("main", ["print('a')", *_slow("print('a' * 100_000)", "print('a', flush=True)")])
def test_nobody_reads_what_it_prints(main):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as nobody:
        status, _, err = _run(main, stdout=nobody)
    assert status == 141 and err.count("\n") == 1 and "nobody reads" in err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("main", ["print('a')", *_slow("print('a' * 100_000)")])
def test_what_it_prints_goes_to_a_full_disk(main):
    with open("/dev/full", "w") as full:
        status, _, err = _run(main, stdout=full)
    assert status == 2 and err.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("closed", [1, 2])
def test_output_that_was_closed_before_it_began(closed):
    code = _MAIN.format(main="    print('a'); sys.stderr and sys.stderr.write('b')", load="")
    done = subprocess.run(
        ["/bin/sh", "-c", f'"$0" -c "$1" {closed}>&-', sys.executable, code], capture_output=True, text=True
    )
    assert done.returncode == 0 and "Traceback" not in done.stderr


def test_a_command_on_a_page_holds_no_empty_words():
    ask = (
        "from absl import flags; from model_metamers_experiments import binary, reproduce_paper; "
        "flags.FLAGS(['reproduce_paper', '--layers=vgg=fc7']); "
        "print(binary.settings(reproduce_paper.__name__))"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True)
    assert "--layers=vgg=fc7" in done.stdout and "''" not in done.stdout, done.stderr


# In a process of its own for each program, because they define flags of the same names.
_SETTINGS = """
import importlib, os, sys
from absl import flags
import matplotlib.figure, scipy.stats, model_metamers
from model_metamers_experiments import binary

def check(name):
    module = importlib.import_module(f"model_metamers_experiments.{name}").__name__
    values = {flag.name: flag for flag in flags.FLAGS.get_key_flags_for_module(module)}
    for flag in values.values():
        if flag.value is None:
            flag.value = "x"
    defined = flags.FLAGS.flags_by_module_dict()
    of_workers = {f.name for m in ("cluster_flags", "job_flags")
                  for f in defined.get(f"model_metamers_experiments.{m}", ())}
    lines = "\\n".join(binary.settings(module)).split("\\n")
    written = {line.split("=")[0].lstrip("-") for line in lines}
    for flag in values.values():
        empty = isinstance(flag, flags.MultiFlag) and not flag.value
        is_written = flag.name in written or (flag.boolean and f"no{flag.name}" in written)
        assert is_written == (flag.name not in of_workers and not empty), flag.name
    return len(written)

for name in sys.argv[1:]:
    if os.fork() == 0:
        try:
            os._exit(0 if check(name) else 1)
        except BaseException as error:
            os.write(2, f"{name}: {error!r}\\n".encode())
            os._exit(1)
    assert os.wait()[1] == 0, name
"""


def test_settings_of_a_binary_hold_every_flag_of_its_manual_but_those_of_workers():
    done = subprocess.run([sys.executable, "-c", _SETTINGS, *binaries()], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("level", "told"), [(None, False), *_slow(("0", True), ("3", False))])
def test_loading_tensorflow_says_nothing_of_gpus_unless_asked(level, told):
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    environment |= {"TF_CPP_MIN_LOG_LEVEL": level} if level else {}
    load = "binary.import_tensorflow_quietly(); import tensorflow as tf; tf.zeros([2]) + tf.ones([2])"
    command = [sys.executable, "-c", f"from model_metamers_experiments import binary; {load}"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0 and ("cuda" in done.stderr.lower()) == told, done.stderr


def test_a_lost_scheduler_is_a_stop():
    status, _, err = _run("raise mm.Stopped('the scheduler is gone')")
    assert status == 143
    assert err == f"make_metamers: stopped; the scheduler is gone; {binary.CONTINUES}\n"
