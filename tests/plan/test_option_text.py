from __future__ import annotations

import re
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import UnknownName, UsageError
from bench.plan.option_text import decode, encode, is_mapping, normalise, read, type_words, write

Kind = Literal["weight", "bias", "none", "a/b"]
ATOMS: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(st.characters(), max_size=6)
    | st.sampled_from(["none", "%", "/", "=", "a=b", ",+: %", "\n", "\ud800"]),
    int: st.integers(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    Kind: st.sampled_from(["weight", "bias", "none", "a/b"]),
}
LISTS = {tuple[atom, ...]: st.lists(values, max_size=4).map(tuple) for atom, values in ATOMS.items()}  # type: ignore[valid-type]
MAPPINGS = {
    tuple[tuple[str, atom], ...]: st.lists(  # type: ignore[valid-type]
        st.tuples(ATOMS[str], values), max_size=4, unique_by=lambda pair: pair[0]
    ).map(tuple)
    for atom, values in ATOMS.items()
}
KINDS = ATOMS | LISTS | MAPPINGS
OPTIONAL = {kind | None: values | st.none() for kind, values in KINDS.items()}
ALL = KINDS | OPTIONAL
SEPARATORS = re.compile("[/=]")


@pytest.mark.parametrize("kind", ALL, ids=str)
@settings(max_examples=30)
@given(data=st.data())
def test_every_value_that_is_written_is_read_back_and_is_as_records_have_it(kind: Any, data: st.DataObject) -> None:
    value = data.draw(ALL[kind])

    text = write(value)

    assert read(text, kind, "x:y") == value
    assert normalise(text) == text
    assert text
    assert not set(text) & set(",+: \n")


@given(st.text("abn%,+:/= *?[]\u00e9\ud800", max_size=8).filter(bool) | st.text(min_size=1))
def test_normalising_twice_changes_nothing_and_no_text_changes_its_meaning(text: str) -> None:
    try:
        once = normalise(text)
    except ValueError:
        return
    assert normalise(once) == once
    assert [decode(part) for part in SEPARATORS.split(once)] == [decode(part) for part in SEPARATORS.split(text)]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("q_proj/v_proj", tuple[str, ...], ("q_proj", "v_proj")),
        ("1/2", tuple[int, ...], (1, 2)),
        ("1e-3/2", tuple[float, ...] | None, (1e-3, 2.0)),
        ("/", tuple[str, ...], ()),
        ("%/a", tuple[str, ...], ("", "a")),
        ("none", tuple[str, ...], ("none",)),
        ("none", tuple[str, ...] | None, None),
        ("%6Eone", tuple[str, ...] | None, ("none",)),
        ("q=8/v=4", tuple[tuple[str, int], ...], (("q", 8), ("v", 4))),
        ("bias/norm*", tuple[str, ...], ("bias", "norm*")),
        ("*.layers.[0-3].*", str, "*.layers.[0-3].*"),
        ("/data/my%2Cfile", str, "/data/my,file"),
        ("yes", bool | None, True),
        ("2", Literal[1, 2] | None, 2),
        ("a", Literal["a", "b"] | None, "a"),
    ],
)
def test_values_as_a_user_writes_them(text: str, kind: Any, value: object) -> None:
    assert read(text, kind, "x:y") == value


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("two", int, "x:y=two cannot be read: int expected"),
        ("1/b", tuple[int, ...], "x:y=1/b cannot be read: int/... expected"),
        ("a//b", tuple[str, ...], "nothing stands beside a /"),
        ("inf", float | None, "finite float expected"),
        ("a=1/a=2", tuple[tuple[str, int], ...], "'a' is given twice"),
        ("a=x", tuple[tuple[str, int], ...], "key=int/... expected"),
        ("mine", tuple[tuple[str, int], ...], "or the name of a table in bench.toml: [options.mine]"),
        ("bia", tuple[Kind, ...], "unknown value of x:y 'bia'. Did you mean bias?"),
        ("x", dict[str, int], "dict expected"),
    ],
)
def test_what_cannot_be_read_is_one_line(text: str, kind: Any, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(text, kind, "x:y")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_word_of_several_types_is_read_as_the_first_that_takes_it() -> None:
    assert read("1", int | tuple[str, ...], "x:y") == 1
    assert read("a/b", int | tuple[str, ...], "x:y") == ("a", "b")
    with pytest.raises(UnknownName, match="Known: a, b"):
        read("c", Literal["a", "b"] | None, "x:y")


@pytest.mark.parametrize("text", ["%", "50%x", "%ZZ", "a%2"])
def test_a_percent_sign_that_begins_no_code_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="write %25 for the sign itself"):
        decode(f"a{text}")
    assert decode(encode(text)) == text


def test_codes_that_are_no_utf_8_are_refused() -> None:
    with pytest.raises(ValueError, match="%FF is no UTF-8"):
        decode("%FF")


def test_types_are_named_as_a_user_writes_values() -> None:
    kinds = {
        int: "int",
        float | None: "float",
        Literal["a", "b"]: "a|b",
        tuple[str, ...]: "str/...",
        tuple[tuple[str, float], ...] | None: "key=float/...",
    }
    assert {kind: type_words(kind) for kind in kinds} == kinds
    assert [is_mapping(kind) for kind in kinds] == [False, False, False, False, True]
