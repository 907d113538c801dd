from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.records.data_summary import unseen_classes

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.records.record import RunRecord


@pytest.mark.parametrize(
    ("classes", "rows", "num_train", "words"),
    [
        (0, 0, 512, ""),
        (1, 2, 6809, "2 of 256 evaluation rows are of a class that no training row has"),
        (
            *(1530, 200, 512),
            "200 of 256 evaluation rows are of 1,530 classes that no training row has (--train-samples all trains on more)",
        ),
    ],
)
def test_rows_of_classes_that_nobody_could_learn_are_counted(
    make_record: Callable[..., RunRecord], classes: int, rows: int, num_train: int, words: str
) -> None:
    measured = make_record().measured
    assert measured is not None
    assert measured.data is not None
    changes = {"num_unseen_classes": classes, "num_unseen_rows": rows, "num_train": num_train}
    assert unseen_classes(measured.data.model_copy(update=changes)) == words
