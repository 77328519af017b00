"""Answers of one moment: stored together, and each told its own end."""

import asyncio
import sqlite3

import pytest

from model_metamers.people import store
from model_metamers.people.together import Together


def gathered(answers, *actions):
    """What each action returns or raises, when all come at once."""

    async def run():
        together = Together(answers)
        return await asyncio.gather(*(together.run(action) for action in actions), return_exceptions=True)

    return asyncio.run(run())


def test_one_that_fails_is_undone_and_the_others_are_kept(tmp_path):
    with store.writable(tmp_path, "1" * 64) as answers:

        def fails():
            answers.add_person("P02", "code")
            raise ValueError("no")

        def part():
            with answers.writing():
                fails()

        ended = gathered(
            answers,
            lambda: answers.add_person("P01", "code"),
            part,
            lambda: answers.add_person("P03", "code"),
        )
        assert ended[0] == 1 and isinstance(ended[1], ValueError) and ended[2] == 2
        assert [answers.number_of_code(code) for code in ("P01", "P02", "P03")] == [1, None, 2]


def test_many_at_once_are_one_transaction(tmp_path):
    with store.writable(tmp_path, "1" * 64) as answers:
        told = []
        answers._connection.set_trace_callback(told.append)
        gathered(answers, *(lambda code=f"P{i}": answers.add_person(code, "code") for i in range(20)))
        assert told.count("BEGIN IMMEDIATE") == told.count("COMMIT") == 1


def test_where_the_disk_is_full_nobody_is_told_that_it_is_stored(tmp_path):
    with store.writable(tmp_path, "1" * 64) as answers:
        answers._connection.execute("PRAGMA max_page_count = 12")
        ended = gathered(
            answers,
            lambda: answers.add_person("P01", "code"),
            lambda: answers.add_person("x" * 100_000, "code"),
            lambda: answers.add_person("P02", "code"),
        )
        kept = [code for code in ("P01", "P02") if answers.number_of_code(code)]
        told = [
            code
            for code, end in zip(("P01", "P02"), (ended[0], ended[2]), strict=True)
            if isinstance(end, int)
        ]
        assert isinstance(ended[1], sqlite3.Error)
        assert set(told) <= set(kept)
        answers._connection.execute("PRAGMA max_page_count = 1000")
        assert gathered(answers, lambda: answers.add_person("P04", "code"))[0] > 0


def test_it_goes_on_after_everything_failed(tmp_path):
    with store.writable(tmp_path, "1" * 64) as answers:

        def defect():
            raise RuntimeError

        assert [type(end) for end in gathered(answers, defect, defect)] == [RuntimeError, RuntimeError]
        assert gathered(answers, lambda: answers.add_person("P01", "code")) == [1]
        with pytest.raises(sqlite3.IntegrityError):
            raise gathered(answers, lambda: answers.add_person("P01", "code"))[0]
