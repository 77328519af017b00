"""The catalog's names, which load nothing, against the builders that they stand for."""

import importlib

import pytest

from model_metamers.catalog.names import NAMES


@pytest.mark.parametrize("module", NAMES)
def test_every_name_has_a_builder_and_every_builder_a_name(module):
    builders = importlib.import_module(f"model_metamers.catalog.{module}").BUILDERS
    assert sorted(NAMES[module]) == sorted(builders)
