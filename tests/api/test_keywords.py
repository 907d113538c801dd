from __future__ import annotations

import inspect

import pytest

import bench
from bench.api.keywords import in_keywords
from bench.errors import UsageError
from bench.experiment.settings import Settings


def test_every_option_of_the_command_is_a_keyword() -> None:
    known = inspect.signature(bench.compare).parameters
    renamed = {"dataset": "data", "text_column": "text", "label_column": "label"}
    assert {renamed.get(name, name) for name in Settings.model_fields} <= set(known)
    assert known["epochs"].default == Settings.model_fields["epochs"].default
    assert known["seeds"].default == Settings.model_fields["seeds"].default


@pytest.mark.parametrize(
    ("keyword", "told"),
    [
        ("epoch", "unknown keyword of bench.compare 'epoch'. Did you mean epochs?"),
        ("text_column", "in Python it is called text"),
        ("dataset", "in Python it is called data"),
    ],
)
def test_an_unknown_keyword_is_told_with_the_nearest(keyword: str, told: str) -> None:
    with pytest.raises(UsageError) as refused:
        bench.compare(["full"], **{keyword: 1})
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_wrong_value_is_told_by_the_keyword() -> None:
    with pytest.raises(UsageError, match=r"^batch_size=: .*, not 0"):
        bench.compare(["full"], batch_size=0)


def test_an_error_names_keywords_where_the_command_line_names_options() -> None:
    with pytest.raises(UsageError) as refused, in_keywords():
        raise UsageError("name them (--text-column, --label-column); go on with --resume, not a--b")
    assert str(refused.value) == "name them (text=, label=); go on with resume=, not a--b"
