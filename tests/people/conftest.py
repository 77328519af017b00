"""A study, its page, and a server of it."""

import pytest

from tests.builders import serving, studies


@pytest.fixture
def page(tmp_path):
    return studies.make_page(tmp_path / "page")


@pytest.fixture
def study(tmp_path):
    return studies.make_study(tmp_path / "study")


@pytest.fixture
def clock():
    return serving.Clock()


@pytest.fixture
def browser(study, tmp_path, page, clock):
    with serving.browser(study, tmp_path / "data", page, clock, "let me in", simulated_allowed=True) as made:
        yield made
