"""What the binaries share: how they end, and how they print."""

import contextlib
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from absl import app, flags

import model_metamers as mm
from model_metamers import extras
from model_metamers.storage.explaining import explain
from model_metamers.storage.reading import printable
from model_metamers_experiments import flag_checks, stops

CONTINUES = "what was done is kept, and the same command continues"
STARTS_OVER = "nothing was written, and the same command starts over"
_CANNOT = 2  # exit status where the user has to mend something
_AFTER_HELP = 1  # absl's exit status; its flags end a program for no other reason
_A_GPU = "/dev/nvidia0"  # Linux's file of the first one, where its driver is loaded
_TERMINATED = 143  # as after SIGTERM
_NO_READER = 141  # by convention: 128 and SIGPIPE
_OF_WORKERS = ("cluster_flags", "job_flags")  # modules whose flags change nothing in what is made
_OUT_OF_MEMORY = "memory ran out; lower --batch_size where there is one, or use a machine with more"


def run(main: Callable[[], int | None], after_stop: str = CONTINUES, tensorflow: bool = True) -> None:
    """Runs a binary; what the user can mend ends it with one line and status 2.

    So do a full disk, one that cannot be written, and memory that ran out. Being told to stop
    (Ctrl-C, SIGTERM, SIGHUP) ends it with one line too. Everything else is a defect, and keeps its
    traceback.

    Args:
      main: of the binary.
      after_stop: what being told to stop leaves behind, in words.
      tensorflow: whether `main` needs TensorFlow, which is then imported without its greetings, and
        only after the flags were read, so that --help comes at once.
    """
    _present_as_main(main.__module__)

    def guarded(argv: list[str]) -> int | None:
        logging.getLogger("absl").setLevel(logging.WARNING)  # TensorFlow's timings of saved files
        _show_notes(stops.program())
        if tensorflow:
            import_tensorflow_quietly()
        try:
            stops.interrupt_work()
            return main()
        except KeyboardInterrupt as stop:
            told = stops.told()
            status = _stopped(f"{stop}; {after_stop}" if str(stop) else after_stop)
            return _TERMINATED if str(stop) and not told else status  # nobody pressed a key
        except Exception as error:
            if stops.told():  # one follows from the other
                return _stopped(after_stop)
            if isinstance(error, BrokenPipeError):
                return _no_reader()
            text = mendable(error)
            if text is None:
                raise
            tell(text)
            return _CANNOT
        finally:
            stops.end_quietly()

    try:
        app.run(guarded, flags_parser=lambda argv: _read_flags(argv, main.__module__))
    finally:
        _write_out()


def mendable(error: BaseException) -> str | None:
    """What is told of an error that the user can mend; None for a defect."""
    if isinstance(error, mm.InputError):
        return str(error)
    if isinstance(error, ImportError) and (text := extras.advice(error)):
        return text
    if text := explain(error):
        return f"{error.filename}: {text}" if isinstance(error, OSError) and error.filename else text
    if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":  # TensorFlow's
        return _OUT_OF_MEMORY
    return None


def tell(text: str) -> None:
    """One line on the terminal, whatever the text holds."""
    shown = printable(" ".join(text.split()))
    with contextlib.suppress(OSError, ValueError):  # nobody may be there to read it
        print(f"{stops.program()}: {shown}", file=sys.stderr, flush=True)


def _read_flags(argv: list[str], module: str) -> list[str]:
    """Parses and checks the flags; what is wrong with them ends the program with a line."""
    try:
        rest = flags.FLAGS(argv)
        if len(rest) > 1:
            raise mm.InputError(f"unexpected arguments: {' '.join(rest[1:])}; every setting is a --flag")
        of_modules = flags.FLAGS.flags_by_module_dict()
        own = (name for name in of_modules if name in (module, sys.argv[0]) or name.startswith(__package__))
        flag_checks.check(flag for name in own for flag in of_modules[name])
        return rest
    except SystemExit as ended:  # after --help, for which absl's status is 1
        sys.exit(0 if ended.code == _AFTER_HELP else ended.code)
    except flags.Error as error:
        _refuse(f"{error} (--help tells of every flag)")
    except (mm.InputError, OSError, UnicodeDecodeError, RecursionError) as error:
        _refuse(str(error))


def _refuse(text: str) -> NoReturn:
    tell(text)
    sys.exit(_CANNOT)


def _stopped(after_stop: str) -> int:
    stops.end_quietly()
    tell(f"stopped; {after_stop}")
    return stops.status()


def _no_reader() -> int:
    tell("stopped, as nobody reads what it prints any more; the same command continues or starts over")
    return _NO_READER


def _write_out() -> None:
    """Writes what was printed; where that fails, says so instead of Python's traceback at its end."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        _print_no_more()
        tell("nobody reads what it prints any more; its work was done")
        sys.exit(_NO_READER)
    except OSError as error:
        _print_no_more()
        tell(f"what it prints cannot be written ({error.strerror}); its work was done")
        sys.exit(_CANNOT)


def _print_no_more() -> None:
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def module(binary: str) -> str:
    """The module of a binary, by its console name, for `python -m`."""
    return f"{__package__}.{binary}"


def key(module: str) -> str:
    """The name that absl knows the flags of a module by, from its `__name__`."""
    return sys.argv[0] if module == "__main__" else module


def settings(module: str, without: Sequence[str] = ()) -> list[str]:
    """The flags of a binary as they are in force, one string each, but for those of who does the work.

    Args:
      module: the `__name__` of the binary, or of a module with flags of several.
      without: names to leave out.
    """
    defined = flags.FLAGS.flags_by_module_dict()
    of_workers = {flag.name for name in _OF_WORKERS for flag in defined.get(f"{__package__}.{name}", ())}
    own = flags.FLAGS.get_key_flags_for_module(key(module))
    named = [flag for flag in own if flag.name not in of_workers.union(without)]
    chosen = [flag for flag in named if flag.value is not None]
    return [text for flag in chosen if (text := flag.serialize())]  # a repeated one may hold none


def repeatable() -> None:
    """Makes TensorFlow's operations give the same bits on every run of a machine.

    Which kernel oneDNN takes for max poolings of Keras models of one's own may differ between processes
    (docs/measurements.md); without it (TF_ENABLE_ONEDNN_OPTS=0 before TensorFlow is imported) none do.
    """
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Rows in aligned columns; the first row is the header."""
    rows = [list(map(printable, row)) for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for number, row in enumerate(rows):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))


def _present_as_main(module: str) -> None:
    """Lets --help show a binary's manual and flags also when a console script started it."""
    if module == "__main__":
        return
    sys.modules["__main__"].__doc__ = sys.modules[module].__doc__
    for flag in flags.FLAGS.get_key_flags_for_module(module):
        flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)


class _Formatter(logging.Formatter):
    """Of notes, which hold what files, archives and servers say."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def _show_notes(name: str) -> None:
    """Lets the package's notes (a resampled file, say) be seen, each once."""
    shown: set[str] = set()

    def is_new(record: logging.LogRecord) -> bool:
        new = record.getMessage() not in shown
        shown.add(record.getMessage())
        return new

    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(is_new)
    handler.setFormatter(_Formatter(f"{name}: %(message)s"))
    logger = logging.getLogger("model_metamers")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logging.raiseExceptions = False  # a terminal that is gone stops no work


def import_tensorflow_quietly() -> None:
    """Imports TensorFlow without the greetings that its libraries write as they load and look for GPUs.

    They go to the file descriptor, whatever the log level; later messages, warnings and
    errors of TensorFlow, are not touched. Who asks for them (TF_CPP_MIN_LOG_LEVEL=0 or 1) gets all.
    """
    asked = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2") in ("0", "1")
    try:
        kept = None if asked else os.dup(2)
    except OSError:  # there is no terminal
        kept = None
    if kept is None:
        import tensorflow

        return
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    stops.terminal = kept
    try:
        import tensorflow

        found = tensorflow.config.list_physical_devices("GPU")
    finally:
        stops.terminal = 2
        os.dup2(kept, 2)
        os.close(kept)
    if not found and os.path.exists(_A_GPU) and "CUDA_VISIBLE_DEVICES" not in os.environ:
        tell("there is a GPU, but TensorFlow cannot use it; with TF_CPP_MIN_LOG_LEVEL=0 it says why")
