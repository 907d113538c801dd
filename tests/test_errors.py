from __future__ import annotations

import pytest

from bench.errors import UnknownName, first_line

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


@pytest.mark.parametrize(
    ("name", "nearest"), [("alfa", "alpha"), ("rank", "r"), ("targets", "target"), ("zebra", None), ("a", None)]
)
def test_the_nearest_name_is_one_that_is_close_or_begins_it(name: str, nearest: str | None) -> None:
    said = str(UnknownName("option of lora", name, ["alpha", "r", "target"]))
    assert said == (
        f"unknown option of lora {name!r}.{f' Did you mean {nearest}?' if nearest else ''} Known: alpha, r, target."
    )
