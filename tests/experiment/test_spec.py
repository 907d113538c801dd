from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import UsageError
from bench.experiment.spec import RunSpec, Term, format_strategy, parse_strategies, parse_strategy

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,8}", fullmatch=True)
values = st.text(st.characters(codec="ascii", categories=("L", "N"), include_characters=".-_"), min_size=1, max_size=6)
terms = st.builds(
    lambda name, options: Term(name=name, options=tuple(sorted(options.items()))),
    names,
    st.dictionaries(names, values, max_size=3),
)
compositions = st.lists(terms, min_size=1, max_size=3, unique_by=lambda term: term.name).map(tuple)


@given(compositions)
def test_what_is_written_is_read_back(composition: tuple[Term, ...]) -> None:
    assert parse_strategy(format_strategy(composition)) == composition


@given(st.lists(compositions, min_size=1, max_size=4, unique=True).map(tuple))
def test_a_list_is_read_back_in_order(specs: tuple[tuple[Term, ...], ...]) -> None:
    assert parse_strategies(",".join(map(format_strategy, specs))) == specs


def test_the_order_of_options_does_not_matter() -> None:
    assert parse_strategy("d:head=5e-5:body=1e-5") == parse_strategy("d:body=1e-5:head=5e-5")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "name:option=value"),
        ("full,", "name:option=value"),
        ("freeze:last", "not of the form option=value"),
        ("freeze:last=", "not of the form option=value"),
        ("freeze:last=1:last=2", "given twice"),
        ("amp+amp", "uses amp twice"),
        ("full,amp,full", "lists full twice"),
        ("fre eze", "cannot read"),
    ],
)
def test_a_wrong_list_says_what_is_wrong(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse_strategies(text)


def test_equal_specs_are_the_same_experiment() -> None:
    spec = RunSpec(strategy=parse_strategy("freeze:last=2+amp"))
    again = RunSpec.model_validate_json(spec.model_dump_json())
    assert again == spec
    assert hash(again) == hash(spec)
    assert spec.name == "freeze:last=2+amp"
