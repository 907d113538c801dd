"""Whether labels are classes, and what is pointed out about their names."""

from __future__ import annotations

import unicodedata
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from bench.errors import DataError
from bench.workload.data.classes import alike, check_classes, remarks_on
from bench.workload.data.cleaning import clean
from bench.workload.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterable


def remarks(labels: Iterable[object]) -> tuple[str, ...]:
    labels = list(labels)
    return remarks_on([clean(Rows([f"text {number}" for number in range(len(labels))], labels), "toy")])


@pytest.mark.parametrize(
    "labels",
    [
        [f"{number / 7:.3f}" for number in range(100)],
        [f"{number // 2 + 0.5},5".replace(".5,5", ",5") for number in range(100)],  # a decimal comma
        [f"{number // 3}.5%" for number in range(99)],
        [f"${number // 3}.25" for number in range(99)],
        [f"{number // 4}e-3" for number in range(100)],
        ["N/A"] * 20 + [f"{number // 3}.5" for number in range(99)],
        [str(number // 3 if number % 2 else number // 3 + 0.5) for number in range(99)],
    ],
)
def test_a_quantity_is_no_label(labels: list[str]) -> None:
    with pytest.raises(DataError, match=r"^toy has \d+ different numbers .* a quantity, .*--label-column"):
        check_classes(Counter(labels), "toy")


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (
            [f"id-{number}" for number in range(50)],
            'of the 50 different labels of toy occur once ("id-0", "id-1", "id-2" and',
        ),
        ([*"aaabbb", *(f"{number}" for number in range(9))], "9 of the 11 different labels of toy occur once"),
        ([*"ab" * 50, *(f"rare {number}" for number in range(21))], "21 of the 23 different labels"),
    ],
)
def test_labels_most_of_which_occur_once_are_no_classes(labels: list[str], told: str) -> None:
    with pytest.raises(DataError, match="no classes; choose another label column") as caught:
        check_classes(Counter(labels), "toy")
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "labels",
    [
        [str(number % 150) for number in range(600)],  # whole numbers are how many data sets number their classes
        [str(number / 2) for number in range(10)] * 5,  # stars, by halves
        ["good", "bad"],
        [*"ab" * 50, "a typo", "another", "and one more"],
        [f"1.{number}.0" for number in range(30)] * 2,  # versions are no numbers
    ],
)
def test_classes_are_classes(labels: list[str]) -> None:
    check_classes(Counter(labels), "toy")


@pytest.mark.parametrize(
    "names",
    [
        ("Billing", "billing"),
        ("New York", "new  york"),
        ("new york", "new\N{NO-BREAK SPACE}york"),
        ("newyork", "new york"),
        ("caf\N{LATIN SMALL LETTER E WITH ACUTE}", "cafe\N{COMBINING ACUTE ACCENT}"),
        ("\N{FULLWIDTH LATIN CAPITAL LETTER A}", "a"),
        ("good", "\N{ZERO WIDTH SPACE}good"),
        ("\N{ZERO WIDTH NO-BREAK SPACE}good", "good"),
        ("STRASSE", "stra\N{LATIN SMALL LETTER SHARP S}e"),
        ("01", "1"),
        ("1.50", "1.5"),
        ("True", "true"),
        ("True", "1"),
    ],
)
def test_names_that_look_alike_are_pointed_out_and_told_apart(names: tuple[str, str]) -> None:
    assert alike([*names, "other"]) == (tuple(sorted(names, key=alike([*names])[0].index)),)
    (remark, *_) = remarks([*names, names[0], "other"])
    assert "look alike, and are classes of their own" in remark
    first, second = sorted(part.rpartition('"')[0] for part in remark.split(" row")[:2])
    assert unicodedata.normalize("NFC", first) != unicodedata.normalize("NFC", second)
    assert "(2 rows)" in remark
    assert "(1 row)" in remark


LONG = [
    ("1234567890123456789", "1234567890123456790"),
    (f"{10**30}", f"{10**30 + 1}"),
    ("1e400", "2e400"),
    ("1e9999999999999999999", "1"),
]
"""Ids and such, which a float would make equal."""


@pytest.mark.parametrize("names", [("good", "bad"), ("-1", "1"), ("1", "10"), ("a_b", "ab"), ("C", "C++"), *LONG])
def test_other_names_do_not_look_alike(names: tuple[str, str]) -> None:
    assert alike(names) == ()


@pytest.mark.parametrize("name", ["N/A", "nan", "None", "null", "NaN", "#N/A", "<NA>", "-", "?"])
def test_a_class_that_may_mean_nothing_is_pointed_out(name: str) -> None:
    assert remarks(["good", "bad", name]) == (f'"{name}" (1 row) may mean a missing label, and is a class here',)


def test_blanks_around_labels_are_left_off_and_that_is_said() -> None:
    (remark,) = remarks(["billing", "billing ", "\tbilling", "refund"])
    assert remark == ('"billing" is also written "billing " (1 row), "\\tbilling" (1 row): counted as one class')
    assert remarks(["1", 1, 1.0, "2"]) == ()


def test_nothing_is_said_of_plain_labels() -> None:
    assert remarks(["good", "bad", "good"]) == ()
