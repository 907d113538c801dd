"""A checkpoint's head is aligned with the data's classes by their names, or a fresh one learns, and the run says which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from transformers import AutoConfig

from bench.workload.models.heads import aligned, rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence


@pytest.mark.parametrize(
    ("names", "labels", "rows"),
    [
        (("positive", "negative"), ("negative", "positive"), (1, 0)),
        (("POSITIVE", " Negative "), ("negative", "positive"), (1, 0)),
        (("entailment", "neutral", "contradiction"), ("contradiction", "entailment"), (2, 0)),
        (("Straße", "Weg"), ("strasse", "weg"), (0, 1)),
        (("caf\u00e9", "bar"), ("bar", "cafe\u0301"), (1, 0)),
        (("False", "True"), ("0", "1"), (0, 1)),
        (("True", "False"), ("0", "1"), (1, 0)),
        (("1", "0"), ("False", "True"), (1, 0)),
        (("0.0", "1.0"), ("0", "1"), (0, 1)),
        (("LABEL_0", "LABEL_1", "LABEL_2"), ("0", "1", "2"), (0, 1, 2)),
        (("LABEL_0", "LABEL_1"), ("False", "True"), (0, 1)),
        (("LABEL_1", "LABEL_0"), ("0", "1"), (1, 0)),
        (("LABEL_0", "LABEL_1", "LABEL_2"), ("0", "2"), (0, 2)),
        (("LABEL_0", "LABEL_1"), ("label_1", "LABEL_0"), (1, 0)),
        (("5", "4", "3", "2", "1"), ("1", "2", "3", "4", "5"), (4, 3, 2, 1, 0)),
    ],
)
def test_names_are_compared_without_case_and_blanks(
    names: Sequence[str], labels: Sequence[str], rows: tuple[int, ...]
) -> None:
    assert aligned(names, labels) == rows


@pytest.mark.parametrize(
    ("names", "labels", "why"),
    [
        (("LABEL_0", "LABEL_1"), ("bad", "good"), "have no names of their own (LABEL_0, LABEL_1), and .* bad, good"),
        (("LABEL_0", "LABEL_1", "LABEL_2"), ("1", "2"), "have no names of their own"),
        (("LABEL_0", "LABEL_1"), ("0", "1", "2"), "LABEL_0, LABEL_1, and the data has 2 too"),
        (("good", "bad"), ("bad", "good", "so-so"), "good, bad, and the data has so-so too"),
        (("Good", "good "), ("bad", "good"), "'Good' and 'good ' are one and the same name"),
        (("good", "bad"), ("Bad", "bad"), "'Bad' and 'bad' are one and the same name"),
        (("0", "1"), ("0", "False"), "'0' and 'False' are one and the same name"),
        (("1 star", "2 stars"), ("1", "2"), "the data has 1, 2 too"),
        (tuple("abcdefg"), ("y", "z"), "a, b, c, d, e and 2 more, and the data has y, z too"),
    ],
)
def test_what_is_ambiguous_or_missing_is_said(names: Sequence[str], labels: Sequence[str], why: str) -> None:
    told = aligned(names, labels)
    assert isinstance(told, str)
    parts = why.split(".*")
    assert all(part in told for part in parts), told


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"problem_type": "multi_label_classification", "id2label": {0: "a", 1: "b"}}, "multi label classification"),
        ({"problem_type": "regression"}, "regression"),
        ({"id2label": {0: "score"}, "label2id": {"score": 0}}, "a single output, that of a regression"),
        ({"id2label": {1: "a", 2: "b"}}, "otherwise than from 0 on"),
        ({"id2label": {0: "a", 1: "b"}, "label2id": {"a": 1, "b": 0}}, "contradict each other"),
        ({"label2id": {"b": 0, "a": 1}}, "no names of their own"),  # transformers overwrites them
    ],
)
def test_a_head_of_another_kind_is_no_head_for_classes(settings: dict[str, Any], why: str) -> None:
    told = rows_of(AutoConfig.for_model("llama", **settings), ("a", "b"))
    assert isinstance(told, str)
    assert why in told


def test_the_names_of_a_checkpoint_may_be_no_text() -> None:
    config = AutoConfig.for_model("llama", id2label={0: False, 1: True}, label2id={"false": 0, "TRUE": "1"})
    assert rows_of(config, ("1", "0")) == (1, 0)
