from __future__ import annotations

import inspect
from typing import Any

import pytest

import bench
from bench.api.keywords import in_keywords, to_keywords
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
        ("nproc", "in Python it is called num_processes"),
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
    assert str(refused.value) == "name them (text=, label=); go on with resume=True, not a--b"


@pytest.mark.parametrize(
    ("options", "keywords"),
    [
        ("(--eval-samples 890).", "(eval_samples=890)."),
        ("or --on-oom halve where", "or on_oom='halve' where"),
        ("no GPU for --device cuda: use --device cpu", "no GPU for device='cuda': use device='cpu'"),
        ("--train-samples all trains on more", "train_samples='all' trains on more"),
        ("give another --out without --resume", "give another out= without resume=True"),
        ("may lie beyond (--tune lr:high=1).", "may lie beyond (tune='lr:high=1')."),
        ("may lie beyond (--tune lr:low=1e-06)", "may lie beyond (tune='lr:low=1e-06')"),
        ("was searched for (--tune lr)", "was searched for (tune='lr')"),
        ("--tune lr:trials: 'trials' is not", "tune='lr:trials': 'trials' is not"),
        ("--tune lr:trials=8:high=0.5.", "tune='lr:trials=8:high=0.5'."),
        ("--tune searches, and --lr 0.01 gives one", "tune= searches, and lr=0.01 gives one"),
        ("may lie beyond (--tune   \n  lr:high=1).", "may lie beyond    \n  (tune='lr:high=1')."),
        ("more rows (--eval-samples\n890)", "more rows \n(eval_samples=890)"),
        ("go on with --resume\n5 runs", "go on with resume=True\n5 runs"),
        ("give another --out\n\nall ended", "give another out=\n\nall ended"),
        ("this run has one: give --nproc 2 or more", "this run has one: give num_processes=2 or more"),
        ("a color of the page, --ink 3", "a color of the page, --ink 3"),
    ],
)
def test_options_become_keywords_with_their_values(options: str, keywords: str) -> None:
    assert to_keywords(options) == keywords


@pytest.mark.parametrize(
    ("keywords", "told"),
    [
        ({"label": 3.5}, "label= is 3.5; give a name, or a list of names"),
        ({"text": ["a", None]}, r"text= is \['a', None\]; give a name"),
        ({"strategies": []}, r"strategies= is \[\]; give a name"),
        ({"strategies": {"full": 1}}, "strategies= is {'full': 1}; give a name"),
        ({"out": 5}, "out= is 5; give a path"),
        ({"data": {}}, "data= holds no split"),
        ({"model": 5}, "model="),
    ],
)
def test_a_value_of_another_type_is_told_in_one_line(keywords: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told) as refused:
        bench.compare(**keywords)
    assert "\n" not in str(refused.value)


def test_help_describes_every_option() -> None:
    told = inspect.getdoc(bench.compare) or ""
    own = {"strategies", "model", "data", "text", "label", "seeds", "out", "quick", "resume", "in_process", "progress"}
    assert [
        name for name in {*inspect.signature(bench.compare).parameters} - own if f"\n    {name}: " not in told
    ] == []
    assert "FieldInfo" not in str(inspect.signature(bench.compare))
