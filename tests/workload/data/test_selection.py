from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import DataError
from bench.experiment.spec import WorkloadSpec
from bench.workload.data.selection import Chosen, apportion, choose, draw
from bench.workload.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterable


def rows(pairs: Iterable[tuple[object, object]]) -> Rows:
    texts, labels = zip(*pairs, strict=True)
    return Rows(texts, labels)


def pick(
    train: Iterable[tuple[object, object]],
    evaluation: Iterable[tuple[object, object]] | None = None,
    *,
    validation: bool = False,
    **spec: Any,
) -> Chosen:
    spec = {"dataset": "toy", "train_samples": None, "eval_samples": None} | spec
    given = None if evaluation is None else rows(evaluation)
    return choose(WorkloadSpec(**spec), rows(train), given, validation=validation)


MANY = [(f"text {number}", "abc"[min(2, number % 10)]) for number in range(200)]  # shares .1, .1, .8


@given(st.lists(st.integers(0, 50), min_size=1).filter(any), st.data())
def test_seats_add_up_and_are_within_one_of_the_exact_share(counts: list[int], data: st.DataObject) -> None:
    num = data.draw(st.integers(0, sum(counts)))
    quotas = apportion(np.array(counts), num)
    assert quotas.sum() == num
    assert np.abs(quotas - np.array(counts) * num / sum(counts)).max() < 1
    assert (quotas <= counts).all()


def test_a_draw_keeps_the_shares_of_the_classes() -> None:
    labels = np.repeat([0, 1, 2], [100, 300, 600])
    drawn = draw(labels, 50, np.random.default_rng(0))
    assert np.bincount(labels[drawn]).tolist() == [5, 15, 30]
    assert len(set(drawn.tolist())) == 50
    assert labels[drawn].tolist() != sorted(labels[drawn])


def test_a_draw_of_everything_is_an_order() -> None:
    labels = np.repeat([0, 1], 20)
    for num in (None, 40, 99):
        drawn = draw(labels, num, np.random.default_rng(0))
        assert sorted(drawn) == list(range(40))
        assert drawn.tolist() != list(range(40))


def test_a_missing_evaluation_split_is_a_fifth_of_every_class() -> None:
    chosen = pick(MANY)
    assert chosen.label_names == ("a", "b", "c")
    assert np.bincount(chosen.evaluation.labels).tolist() == [4, 4, 32]
    assert np.bincount(chosen.train.labels).tolist() == [16, 16, 128]
    assert sorted([*chosen.train.texts, *chosen.evaluation.texts]) == sorted(text for text, _ in MANY)


def test_texts_keep_their_classes() -> None:
    chosen = pick(MANY, train_samples=50, eval_samples=20)
    for split in (chosen.train, chosen.evaluation):
        assert [chosen.label_names[label] for label in split.labels] == [dict(MANY)[text] for text in split.texts]


def test_the_seed_decides_the_rows() -> None:
    texts = [tuple(pick(MANY, data_seed=seed, train_samples=50).train.texts) for seed in (0, 0, 1)]
    assert texts[0] == texts[1]
    assert set(texts[0]) != set(texts[2])


def test_the_evaluation_rows_do_not_depend_on_how_many_are_trained_on() -> None:
    few, many = (pick(MANY, train_samples=num, eval_samples=20).evaluation.texts for num in (10, 100))
    assert few == many


def test_a_class_of_one_row_is_trained_on() -> None:
    chosen = pick([*MANY[:9], ("alone", "z")])
    assert "alone" in chosen.train.texts


def test_texts_of_the_evaluation_split_are_not_trained_on() -> None:
    train = [*MANY, ("text 1", "c"), ("seen", "a"), ("seen", "b"), ("seen ", "b")]
    chosen = pick(train, [("seen", "a"), ("new", "b")])
    assert chosen.num_dropped_duplicates == 2
    assert Counter(chosen.train.texts)["text 1"] == 2
    assert "seen" not in chosen.train.texts
    assert "seen " in chosen.train.texts
    assert sorted(chosen.evaluation.texts) == ["new", "seen"]


def test_duplicates_do_not_cross_a_split_made_here() -> None:
    chosen = pick([*MANY, *MANY])
    assert not set(chosen.train.texts) & set(chosen.evaluation.texts)
    assert len(chosen.train.texts) + len(chosen.evaluation.texts) + chosen.num_dropped_duplicates == 400
    assert chosen.num_dropped_duplicates > 0


def test_rows_without_text_or_label_are_dropped_and_counted() -> None:
    bad: list[tuple[object, object]] = [("", "a"), ("  ", "a"), (None, "a"), ("x", None), ("x", " "), ("x", math.nan)]
    chosen = pick([*MANY, *bad], [("new", "a"), ("x", "")])
    assert chosen.num_dropped_rows == 7
    assert [(each.num_rows, each.num_without_text, each.num_without_label) for each in chosen.sources] == [
        (206, 3, 3),
        (2, 0, 1),
    ]
    assert len(chosen.train.texts) == 200


def test_a_pair_of_texts_is_one_row() -> None:
    pairs: list[tuple[object, object]] = [((text, "so it is"), label) for text, label in MANY]
    bad: list[tuple[object, object]] = [(("", "b"), "a"), (("b", None), "a"), ((None, None), "a"), ((" ", "b"), "a")]
    held: list[tuple[object, object]] = [
        (("text 1", "so it is"), "b"),
        (("text 2", "so it was"), "c"),
        (("", "x"), "b"),
    ]
    chosen = pick([*pairs, *bad], held)
    assert chosen.num_dropped_rows == 5
    assert chosen.num_dropped_duplicates == 1  # both texts are the same, not one of them
    assert ("text 2", "so it is") in chosen.train.texts
    with pytest.raises(DataError, match="row 201 holds 3 where a text is expected"):
        pick([*pairs, (("b", 3), "a")])


def test_labels_with_gaps_and_bools_become_class_numbers() -> None:
    chosen = pick([(f"t{number}", (10, 2, 5)[number % 3]) for number in range(30)], [("e", 10)])
    assert chosen.label_names == ("2", "5", "10")
    assert chosen.evaluation.labels.tolist() == [2]
    assert pick([("t", True), ("f", False)], [("e", True)]).label_names == ("False", "True")


@pytest.mark.parametrize(
    ("train", "evaluation", "message"),
    [
        ([("a", 1), ("b", 1)], None, "a single class, 1 "),
        ([("a", None), ("", 1)], None, r"training split of toy has no labels \(every row lacks it\)"),
        ([("a", -1), ("b", "-1.0"), ("", 1)], None, r"has no labels \(every row has -1, .*--train-split"),
        ([("", 1), ("", 2)], None, "no row with a text and a label"),
        ([("a", 1), ("b", 1), ("c", "")], None, "an empty label counts as none"),
        ([("a", 1), ("b", 2)], [("c", 3)], "no class that the training split has: 3, but 1, 2 to train on"),
        ([("a", 1), ("b", 2)], [("", 1)], "the evaluation split of toy has no row"),
        ([("a", 1), ("b", 2)], None, "no class of toy has two rows"),
        ([("a", 1), ("b", 2), ("c", 2)], [("a", 1)], "2 training rows, not of two classes, are left of toy; 1 stand"),
        ([("a", 1), (2, 2)], [("a", 1)], "training split: row 2 holds 2 where a text is expected"),
        ([("a", [1]), ("b", 2)], [("a", 1)], r"training split: row 1: \[1\] is no single label"),
        ([("a", b"x"), ("b", b"y")], [("a", b"x")], r"training split: row 1: b'x' is no single label"),
    ],
)
def test_data_that_cannot_be_trained_on_is_refused(train: Any, evaluation: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        pick(train, evaluation)


@pytest.mark.parametrize("classes", [(-1, 1), (-1, 0, 1), ("-1", "1"), (-1.0, 0.0, 1.0)])
def test_minus_one_beside_other_numbers_is_a_class(classes: tuple[object, ...]) -> None:
    chosen = pick([(f"t{number}", classes[number % len(classes)]) for number in range(60)])
    assert chosen.label_names == tuple(str(int(float(str(label)))) for label in classes)
    assert chosen.num_dropped_rows == 0
    assert np.bincount([*chosen.train.labels, *chosen.evaluation.labels]).tolist() == [60 // len(classes)] * len(
        classes
    )
    assert any('"-1"' in remark and "is a class" in remark for remark in chosen.remarks)


@pytest.mark.parametrize(("kept_back", "why"), [(-1, "every row has -1"), ("-1", "every row has -1"), (None, "lacks")])
def test_an_evaluation_split_without_labels_is_put_aside_unless_it_was_asked_for(kept_back: object, why: str) -> None:
    hidden = [("one", kept_back), ("two", kept_back)]
    chosen = pick(MANY, hidden)
    assert chosen.label_names == ("a", "b", "c")
    assert len(chosen.evaluation.texts) == 40
    assert not {"one", "two"} & {*chosen.train.texts, *chosen.evaluation.texts}
    assert "the evaluation split of toy has no labels" in chosen.remarks[0]
    assert why in chosen.remarks[0]
    with pytest.raises(DataError, match=r"the evaluation split of toy has no labels .*--eval-split"):
        pick(MANY, hidden, eval_split="test")


def test_a_class_that_only_the_evaluation_has_is_kept_among_the_classes() -> None:
    chosen = pick(MANY, [("one", "a"), ("two", "z"), ("three", "z")])
    assert chosen.label_names == ("a", "b", "c", "z")
    assert Counter(chosen.evaluation.labels.tolist()) == {0: 1, 3: 2}
    assert 3 not in chosen.train.labels


def test_rows_that_repeat_a_text_are_counted_and_kept() -> None:
    chosen = pick([*MANY, ("text 1", "b"), ("text 1", "c"), ("text 2", "c")], [("new", "a"), ("new", "a")])
    assert [(each.num_repeated, each.num_contradicting) for each in chosen.sources] == [(3, 1), (1, 0)]
    assert len(chosen.train.texts) == 203
    assert chosen.num_available == (203, 2)


def test_how_the_splits_were_read_is_told_once() -> None:
    notes = [("separated by ;", "UTF-16"), ("separated by ;",)]
    train, evaluation = (
        Rows([f"{split} {text}" for text, _ in MANY], [label for _, label in MANY], notes=each)
        for split, each in zip("ab", notes, strict=True)
    )
    assert choose(WorkloadSpec(dataset="toy"), train, evaluation).notes == ("separated by ;", "UTF-16")


def test_too_few_rows_for_two_classes_are_refused() -> None:
    with pytest.raises(DataError, match="1 training rows, not of two classes, are left of toy; take more"):
        pick(MANY, train_samples=1)


@pytest.mark.parametrize("evaluation", [None, [(f"other {number}", "ab"[number % 2]) for number in range(40)]])
def test_validation_rows_are_training_rows_and_none_that_are_evaluated_on(evaluation: Any) -> None:
    usual, tuned = pick(MANY, evaluation), pick(MANY, evaluation, validation=True)
    assert not set(tuned.evaluation.texts) & set(usual.evaluation.texts)
    assert not set(tuned.train.texts) & {*tuned.evaluation.texts, *usual.evaluation.texts}
    assert {*tuned.train.texts, *tuned.evaluation.texts} == set(usual.train.texts)
    assert len(tuned.evaluation.texts) == pytest.approx(len(usual.train.texts) / 5, abs=1)
    assert "evaluated on rows held out of those to train on" in tuned.notes
    assert tuned.label_names == usual.label_names


@pytest.mark.parametrize("train", [[("a", "x"), ("b", "y")], [("a", "x"), ("b", "y")] * 20])
def test_too_few_rows_to_hold_some_out_are_refused_with_what_asked_for_it(train: Any) -> None:
    evaluation = [("c", "x"), ("d", "y")]
    assert len(pick(train, evaluation).train.texts) == len(train)
    with pytest.raises(DataError, match="to hold some out for --tune"):
        pick(train, evaluation, validation=True)


def test_texts_that_repeat_do_not_cross_into_validation() -> None:
    chosen = pick([*MANY, *MANY[::-1]], validation=True)
    assert not set(chosen.train.texts) & set(chosen.evaluation.texts)
