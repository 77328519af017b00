"""A person at the page, in Chromium: reads each screen, answers, and notes what the browser complains of."""

from __future__ import annotations

import contextlib
import shutil
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from model_metamers.people import page_files

_STATE = """() => {
  const seen = (selector) => document.querySelector(selector);
  const last = (selector) => [...document.querySelectorAll(selector)].at(-1);
  return {
    looking: document.body.classList.contains("looking"),
    heading: seen(".card h1")?.textContent ?? "",
    text: seen("main").innerText,
    feedback: !!seen(".feedback"),
    choices: !!seen(".choice:enabled") && !seen(".choice[aria-pressed=true]"),
    play: seen(".play:enabled") !== null,
    word: !!seen("input.word:enabled"),
    action: seen(".card > .actions:last-of-type .action:enabled")?.textContent ?? "",
    noise: seen(".card .action.quiet:enabled")?.textContent === "Play the noise",
  };
}"""


def need_browser() -> str:
    """Where Chromium is; skips the test where it, Playwright or the built page is missing."""
    pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install playwright")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("Chromium is not installed")
    if not page_files.is_page(page_files.PACKAGED):
        pytest.skip("the page is not built: make experiment-page")
    return found


class Visitor:
    """One person's tab.

    Attributes:
      page: Playwright's.
      complaints: errors and warnings of the console, and requests that left the origin.
      headings: of the screens so far.
    """

    def __init__(self, page: Any, url: str, touch: bool = False):
        self.page = page
        self.press = page.tap if touch else page.click
        self.origin = "{0.scheme}://{0.netloc}/".format(urllib.parse.urlsplit(url))
        self.complaints: list[str] = []
        self.headings: list[str] = []
        page.on("console", lambda said: self.complaints.append(f"{said.type}: {said.text}"))
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("request", self._check_origin)

    def _check_origin(self, request: Any) -> None:
        if not request.url.startswith((self.origin, "data:", "blob:")):
            self.complaints.append(f"request to {request.url}")

    def state(self) -> dict[str, Any]:
        return self.page.evaluate(_STATE)

    def walk(self, answer: Callable[[int], str], until: str, most: int = 4000) -> dict[str, Any]:
        """Goes on to the screen with the heading `until`; `answer` gets the trial's number in the walk."""
        trial = 0
        for _ in range(most):
            state = self.state()
            if state["heading"] and state["heading"] not in self.headings[-1:]:
                self.headings.append(state["heading"])
            if state["heading"] == until:
                return state
            trial += self._act(state, answer(trial))
            self.page.wait_for_timeout(15)
        raise AssertionError(f"{until!r} never came; the last screen: {state}")

    def _act(self, state: dict[str, Any], answer: str) -> int:
        """One step; 1 where it was an answer."""
        page = self.page
        if state["looking"]:
            return 0
        if state["feedback"]:
            self.press(".feedback .action")
        elif state["play"]:
            self.press(".play")
        elif state["word"]:
            page.fill("input.word", answer)
            page.keyboard.press("Enter")
            return 1
        elif state["choices"]:
            self.press(f'.choice[data-choice="{answer}"]')
            return 1
        elif state["noise"] and not state["action"]:
            self.press(".card .action.quiet")
        elif state["action"]:
            self.press(".card > .actions:last-of-type .action >> nth=0")
        return 0


@contextlib.contextmanager
def chromium(path: str) -> Iterator[Any]:
    """A browser; each context of it is a person of their own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        try:
            yield browser
        finally:
            browser.close()
