"""A file or folder that is named twice is refused, in whatever spelling."""

import numpy as np
import pytest

from model_metamers import InputError, SignalSpec
from model_metamers.signals import collection, files

SPEC = SignalSpec("image", (4, 4, 3), 0.0, 1.0)


@pytest.mark.parametrize("other", ["a.npy", "./a.npy", "b/../a.npy", "link/a.npy"])
def test_the_same_file_twice(tmp_path, monkeypatch, other):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "b").mkdir()
    (tmp_path / "link").symlink_to(tmp_path)
    np.save("a.npy", np.zeros([4, 4, 3], np.float32))
    for find in (files.find_files, collection.find_stimuli):
        with pytest.raises(InputError, match="are the same; name it once"):
            find(["a.npy", other], SPEC)
