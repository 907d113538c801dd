from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import UsageError
from bench.experiment.spec import (
    LR,
    RunSpec,
    Term,
    canonical,
    format_strategy,
    parse_strategies,
    parse_strategy,
    with_lr,
)
from bench.plan.option_text import encode, write

words = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,8}", fullmatch=True)
paths = st.text(st.characters(), min_size=1, max_size=8).map(lambda text: encode(f"{text}.py", special="="))
classes = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
names = words.filter(lambda name: not name.endswith(".py")) | st.builds("{}:{}".format, paths, classes)
atoms = st.text(st.characters(), max_size=6)
values = (
    atoms.map(write)
    | st.lists(atoms, max_size=3).map(tuple).map(write)
    | st.dictionaries(atoms, st.integers(), max_size=3).map(lambda mapping: write(tuple(mapping.items())))
)
terms = st.builds(
    lambda name, options: Term(name=name, options=tuple(sorted(options.items()))),
    names,
    st.dictionaries(words.filter(lambda word: word != LR), values, max_size=3),
)
compositions = st.lists(terms, min_size=1, max_size=3, unique_by=lambda term: term.name).map(tuple)


@given(compositions)
def test_what_is_written_is_read_back(composition: tuple[Term, ...]) -> None:
    assert parse_strategy(format_strategy(composition)) == composition


@given(st.lists(compositions, min_size=1, max_size=4, unique=True).map(tuple))
def test_a_list_is_read_back_in_order(specs: tuple[tuple[Term, ...], ...]) -> None:
    assert parse_strategies(",".join(map(format_strategy, specs))) == specs


@given(st.text("ab%,+:/=*. \u00e9", max_size=12))
def test_what_records_write_is_what_they_read(text: str) -> None:
    try:
        once = canonical(text)
    except UsageError:
        return
    assert canonical(once) == once
    assert parse_strategy(once) == parse_strategy(text)


def test_special_characters_of_a_value_are_written_as_codes() -> None:
    (term,) = parse_strategy("only:match=a%2cb%2Bc%3A%20%41:layers=0/1")
    assert term.options == (("layers", "0/1"), ("match", "a%2Cb%2Bc%3A%20A"))
    assert canonical("only:match=*.layers.[0-3]?:x=q=8/v=4") == "only:match=*.layers.[0-3]?:x=q=8/v=4"


def test_a_class_of_a_file_is_the_name_of_a_term() -> None:
    mine, amp = parse_strategy("./my file.py:Topmost:share=0.5+amp")
    assert mine == Term(name="./my%20file.py:Topmost", options=(("share", "0.5"),))
    assert amp.name == "amp"
    assert parse_strategy("/abs/mine.py:Topmost")[0].name == "/abs/mine.py:Topmost"


def test_a_composition_may_say_its_base_rate_at_any_term() -> None:
    assert [
        RunSpec(strategy=parse_strategy(text)).has_own_lr
        for text in ("freeze:lr=1e-3", "freeze:last=1:lr=1e-3+amp", "freeze+amp:lr=1e-3", "freeze+amp")
    ] == [True, True, True, False]


@pytest.mark.parametrize("text", ["freeze", "freeze:last=2+amp", "llrd:decay=0.8"])
@pytest.mark.parametrize("rate", [3.7e-4, 1e-5, 0.1, 1.0, 1e6, 1.2345678e-3])
def test_a_rate_stands_at_the_first_term(text: str, rate: float) -> None:
    terms = with_lr(parse_strategy(text), rate)
    assert float(dict(terms[0].options)[LR]) == rate
    assert parse_strategy(format_strategy(terms)) == with_lr(terms, rate) == terms


@pytest.mark.parametrize(
    "text", ["freeze:last=1:lr=1e-3+amp", "freeze:last=1+amp:lr=.001", "freeze:lr=1.0E-3:last=1+amp:x=1"]
)
def test_a_rate_is_written_in_one_way_also_in_a_record_of_before(text: str) -> None:
    (freeze, _) = parse_strategy(text)
    assert str(freeze) == "freeze:last=1:lr=0.001"
    with_rates = [[("last", "1"), ("lr", "1e-03")], []], [[("last", "1")], [("lr", "0.0010")]]
    for ours, theirs in with_rates:
        read = RunSpec.model_validate(
            {"strategy": [{"name": "freeze", "options": ours}, {"name": "amp", "options": theirs}]}
        )
        assert read.strategy == (freeze, Term(name="amp"))


def test_what_is_no_rate_is_left_as_it_is_written() -> None:
    assert canonical("freeze+amp:lr=much") == "freeze+amp:lr=much"


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
        ("freeze:lr=1e-3+amp,freeze+amp:lr=0.0010", r"lists freeze:lr=0.001\+amp twice"),
        ("fre eze", "cannot read"),
        ("freeze:lr=1e-3+amp:lr=1e-3", "gives lr twice"),
        ("only:match=50%", "'50%' in strategy 'only:match=50%': % begins a code of two hexadecimal digits; write %25"),
        ("./mine.py", "does not say which class of the file: ./mine.py:NAME"),
        ("./mine.py:share=0.5", "does not say which class of the file: ./mine.py:NAME"),
        ("./mine.py:A+./mine.py:A", "uses ./mine.py:A twice"),
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
