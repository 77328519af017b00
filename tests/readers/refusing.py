"""Every reader by name, and the check that it refuses a file in little time and memory."""

import tempfile
import time
import tracemalloc
from pathlib import Path

import pytest

from model_metamers import InputError
from model_metamers.corpora import alignments
from model_metamers.criteria.null_file import read_null
from model_metamers.recognition import columns
from model_metamers.recognition.labels import read_labels
from model_metamers.signals import images, sounds
from model_metamers.storage import digests, reading, tfrecords
from model_metamers.synthesis.state import read_state
from model_metamers.weights import released_pickle
from model_metamers.weights.tf_checkpoint import CheckpointReader
from model_metamers.weights.torch_file import TorchFile
from model_metamers.weights.unpacking import unpack
from tests.readers.cases_signals import IMAGE, SOUND

MOST_S, MOST_BYTES = 10.0, 512 << 20
READERS = {
    "text": reading.read_text,
    "list": reading.read_lines,
    "table": reading.read_table,
    "JSON": reading.read_json,
    "array": reading.read_array,
    "arrays": reading.read_arrays,
    "digest": digests.file_digest,
    "records": lambda path: list(tfrecords.read_records(path)),
    "places of records": tfrecords.record_places,
    "image": lambda path: images.load_image(path, IMAGE),
    "sound": lambda path: sounds.load_sound(path, SOUND),
    "length of a sound": sounds.duration_s,
    "labels": read_labels,
    "judgements": lambda path: columns.read_table(path, {"rho": columns.NUMBER}, "judgements"),
    "null": read_null,
    "search": read_state,
    "TextGrid": alignments.read_textgrid,
    "XML": alignments.read_swc,
    "pickle": released_pickle.read_architecture,
    "checkpoint": CheckpointReader,
    "torch": TorchFile,
    "archive": lambda path: unpack(path, Path(tempfile.mkdtemp()) / "unpacked"),
}


def refuse(reader: str, path: Path, match: str | None = None) -> None:
    """The reader refuses a file in one line, soon, and without much memory of Python's and NumPy's."""
    tracemalloc.start()
    start = time.perf_counter()
    try:
        with pytest.raises(InputError, match=match) as caught:
            READERS[reader](path)
        assert time.perf_counter() - start < MOST_S and tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value)
