from __future__ import annotations

from enum import Enum
from typing import Any, Literal

import pytest
from bench.beside.strategies._option_text import as_text, is_readable, read, thaw, words_of


class Way(Enum):
    UP = "upwards"
    DOWN = "downwards"


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("3", int, 3),
        ("1e-3", float, 0.001),
        ("no", bool, False),
        ("a b", str, "a b"),
        ("none", int | None, None),
        ("0.5", int | float | None, 0.5),
        ("a/b", list[str] | str | None, ["a", "b"]),
        ("1/2", list[int], [1, 2]),
        ("a.b=1/c=2", dict[str, int], {"a.b": 1, "c": 2}),
        ("a=x/b=0.5/c=true", dict, {"a": "x", "b": 0.5, "c": True}),
        ("2", Literal[1, 2], 2),
        ("0", Literal[0, 1], 0),
        ("lycoris", bool | Literal["lycoris"], "lycoris"),
        ("false", bool | Literal["lycoris"], False),
        ("pissa_niter_16", bool | Literal["pissa", "pissa_niter_[number of iters]"], "pissa_niter_16"),
        ("up", Way, Way.UP),
        ("downwards", Way | str, Way.DOWN),
    ],
)
def test_text_is_read_by_the_declared_type(text: str, kind: Any, value: Any) -> None:
    given = read(text, kind)
    assert thaw(given) == value
    assert type(thaw(given)) is type(value)
    assert hash(given) is not None
    assert is_readable(kind)


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("x", int | None, "int or none"),
        ("maybe", bool, "bool"),
        ("a", dict[str, int], "a mapping k=v/k=v"),
        ("1/x", list[int], "a list a/b/c"),
        ("c", Literal["a", "b"] | str, "a or b"),  # noqa: PYI051  (as peft has it)
        ("sideways", Way, "UP or DOWN"),
    ],
)
def test_other_text_is_refused_and_what_may_be_written_is_told(text: str, kind: Any, words: str) -> None:
    with pytest.raises(ValueError, match=text.rpartition("/")[2]):
        read(text, kind)
    assert words_of(kind) == words


def test_what_was_read_is_written_as_it_was() -> None:
    assert as_text(read("a=1/b=2", dict)) == "a=1/b=2"
    assert as_text(read("a/b", list[str])) == "a/b"
    assert as_text(0.5) == "0.5"


def test_other_classes_have_no_text() -> None:
    assert not is_readable(object)
