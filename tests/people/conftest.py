"""A study, its page, and a server of it."""

import pytest

from tests.builders import serving, studies, visiting


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


@pytest.fixture(scope="module")
def chromium():
    """A browser; the test is skipped where there is none, or no page is built."""
    with visiting.chromium(visiting.need_browser()) as opened:
        yield opened


@pytest.fixture
def visit(chromium):
    """Opens an address as a new person, or as one who was there before."""
    contexts = []

    def open_at(url, context=None, width=1280, height=800):
        if context is None:
            size = {"width": width, "height": height}
            context = chromium.new_context(viewport=size, has_touch=width < 1000)
            contexts.append(context)
        context.set_default_timeout(15_000)
        visitor = visiting.Visitor(context.new_page(), url, touch=width < 1000)
        visitor.page.goto(url)
        return visitor

    yield open_at
    for context in contexts:
        context.close()
