"""The examples in the package's docstrings give what they say."""

import doctest
import importlib
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]
_MODULES = [
    ".".join(path.relative_to(_ROOT).with_suffix("").parts)
    for path in sorted(_ROOT.glob("model_metamers/**/*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("module", _MODULES)
def test_examples(module):
    failed, attempted = doctest.testmod(importlib.import_module(module), optionflags=doctest.ELLIPSIS)
    assert attempted and not failed
