"""What the binaries share: how they end, and how they print."""

import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from absl import app, flags

import model_metamers as mm

_STOPPED = 130  # exit status after Ctrl-C, by convention
CONTINUES = "what was done is kept, and the same command continues"
STARTS_OVER = "nothing was written, and the same command starts over"


def run(main: Callable[[], int | None], after_stop: str = CONTINUES, tensorflow: bool = True) -> None:
    """Runs a binary; what the user can mend ends it with one line and status 2.

    Args:
      main: of the binary.
      after_stop: what Ctrl-C leaves behind, in words.
      tensorflow: whether `main` needs TensorFlow, which is then imported without its greetings, and
        only after the flags were read, so that --help comes at once.
    """
    name = Path(sys.argv[0]).stem
    _present_as_main(main.__module__)

    def guarded(argv: list[str]) -> int | None:
        if len(argv) > 1:
            raise app.UsageError(f"unexpected arguments: {' '.join(argv[1:])}; every setting is a --flag")
        logging.getLogger("absl").setLevel(logging.WARNING)  # TensorFlow's timings of saved files
        _show_notes(name)
        if tensorflow:
            import_tensorflow_quietly()
        try:
            return main()
        except mm.InputError as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print(f"{name}: stopped; {after_stop}", file=sys.stderr)
            return _STOPPED

    app.run(guarded)


def module(binary: str) -> str:
    """The module of a binary, by its console name, for `python -m`."""
    return f"{__package__}.{binary}"


def settings(module: str, without: Sequence[str] = ()) -> list[str]:
    """The flags of a binary as they are in force, one string each.

    Args:
      module: the binary's `__name__`.
      without: names to leave out.
    """
    key = sys.argv[0] if module == "__main__" else module
    own = flags.FLAGS.flags_by_module_dict()[key]
    chosen = [flag for flag in own if flag.name not in without and flag.value is not None]
    return [flag.serialize() for flag in chosen]


def repeatable() -> None:
    """Makes TensorFlow's operations give the same bits on every run of a machine.

    On processors oneDNN keeps to that for most convolutions, not all (docs/measurements.md); without
    it (TF_ENABLE_ONEDNN_OPTS=0 before TensorFlow is imported) no difference was seen.
    """
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Rows in aligned columns; the first row is the header."""
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
    for flag in flags.FLAGS.flags_by_module_dict()[module]:
        flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)


def _show_notes(name: str) -> None:
    """Lets the package's notes (a resampled file, say) be seen, each once."""
    shown: set[str] = set()

    def is_new(record: logging.LogRecord) -> bool:
        new = record.getMessage() not in shown
        shown.add(record.getMessage())
        return new

    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(is_new)
    handler.setFormatter(logging.Formatter(f"{name}: %(message)s"))
    logger = logging.getLogger("model_metamers")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


def import_tensorflow_quietly() -> None:
    """Imports TensorFlow without the greetings that its libraries write as they load.

    They go to the file descriptor, whatever the log level; later messages, warnings and
    errors of TensorFlow, are not touched.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        import tensorflow  # noqa: F401
    finally:
        os.dup2(kept, 2)
        os.close(kept)
