from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from bench.analysis.words.data import in_brief, in_full
from bench.records.data_summary import ClassCount, DataSummary, SplitSummary, unseen_classes

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.records.record import RunRecord


@pytest.fixture
def summary(make_record: Callable[..., RunRecord]) -> DataSummary:
    measured = make_record().measured
    assert measured is not None
    assert measured.data is not None
    return measured.data


def changed(summary: DataSummary, **changes: Any) -> dict[str, str]:
    return dict(in_brief(summary.model_copy(update=changes)))


def test_six_lines_say_how_what_was_read_became_what_is_used(summary: DataSummary) -> None:
    assert in_brief(summary) == (
        (
            "read",
            "8,530 rows (separated by ;); left out: 12 without a text, 3 without a label, 3 to train on whose text is evaluated on",
        ),
        ("used", "512 to train on, drawn from 6,809; 256 to evaluate on, drawn from 1,703, held out of the same rows"),
        (
            "duplicates",
            "5 rows repeat an earlier text, 1 of them with another class; kept, but for those left out above",
        ),
        (
            "classes",
            (
                '2, with rows to train + to evaluate on: "negative" 258 + 133, "positive" 254 + 123; "negative" is 52.0% of the '
                "evaluation rows"
            ),
        ),
        (
            "lengths",
            (
                "median 27 tokens, 95% have at most 52, the longest 310; 2.0% are longer than 256 and truncated (1.2% of those "
                "to evaluate on)"
            ),
        ),
        ("look out", '"Good" (2 rows), "good" (90 rows) look alike, and are classes of their own'),
    )


def test_two_splits_are_told_apart(summary: DataSummary) -> None:
    split = SplitSummary(num_rows=400, num_without_text=1, num_without_label=0, num_repeated=0, num_contradicting=0)
    told = changed(summary, evaluation=split, num_dropped_duplicates=0, num_available_eval=256, notes=())
    assert told["read"] == "8,530 training rows and 400 evaluation rows; left out: 13 without a text, 3 without a label"
    assert told["used"] == "512 to train on, drawn from 6,809; 256 to evaluate on"
    assert "5 rows repeat an earlier text of their split" in told["duplicates"]


def test_what_is_not_there_is_said_to_be_none(summary: DataSummary) -> None:
    split = SplitSummary(num_rows=400, num_without_text=0, num_without_label=0, num_repeated=0, num_contradicting=0)
    told = changed(summary, train=split, num_dropped_duplicates=0, remarks=())
    assert told["read"] == "400 rows (separated by ;); left out: none"
    assert told["duplicates"] == "no row repeats an earlier text"
    assert "look out" not in told


def test_many_classes_are_summed_up(summary: DataSummary) -> None:
    classes = tuple(ClassCount(name=f"c{number}", num_train=9, num_eval=3) for number in range(10))
    told = changed(summary, classes=classes, num_classes=1000, num_other_train=422, num_other_eval=226)
    assert told["classes"].startswith('1,000, with rows to train + to evaluate on: "c0" 9 + 3, ')
    assert '"c9" 9 + 3, 990 others 422 + 226; ' in told["classes"]


def test_a_terminal_has_three_remarks_and_a_report_all(summary: DataSummary) -> None:
    many = summary.model_copy(update={"remarks": tuple("abcde"), "num_unseen_classes": 153, "num_unseen_rows": 200})
    unseen = (
        "200 of 256 evaluation rows are of 153 classes that no training row has (--train-samples all trains on more)"
    )
    assert unseen_classes(many) == unseen
    assert dict(in_brief(many))["look out"] == f"{unseen}; a; b; and 3 more, in the report"
    assert [said for about, said in in_full(many) if about == "look out"] == [unseen, *"abcde"]
    assert len(in_brief(many)) == 6


def test_no_more_rows_are_advised_where_all_are_trained_on(summary: DataSummary) -> None:
    all_used = {"num_available_train": 512, "num_unseen_classes": 1, "num_unseen_rows": 2}
    said = unseen_classes(summary.model_copy(update=all_used))
    assert said == "2 of 256 evaluation rows are of a class that no training row has"
