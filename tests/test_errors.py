from __future__ import annotations

import pytest

from bench.errors import first_line

GATED = "401 Client Error. (Request ID: Root=1-a)\n\nCannot access gated repo for url x.\nYou must log in."


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("one\ntwo", "one"),
        ("one\n\ntwo", "one"),
        ("", "ValueError"),
        (GATED, "Cannot access gated repo for url x."),
    ],
)
def test_the_line_that_says_what_is_wrong(text: str, line: str) -> None:
    assert first_line(ValueError(text)) == line
