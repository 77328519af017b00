"""The examples in the package's docstrings give what they say, and every public object has one."""

import doctest
import importlib
import inspect
from pathlib import Path

import pytest

import model_metamers as mm

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


def test_every_public_object_has_an_example_that_is_run():
    without = [name for name in mm.__all__ if ">>> " not in (inspect.getdoc(getattr(mm, name)) or "")]
    assert len(mm.__all__) > 30 and without == []
    public = {name: getattr(mm, name) for name in mm.__all__}
    homes = {name: one.__name__ if inspect.ismodule(one) else one.__module__ for name, one in public.items()}
    not_run = [name for name, home in homes.items() if home not in _MODULES]
    assert not_run == []
