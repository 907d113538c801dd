from __future__ import annotations

import numpy as np
import torch

from bench.training.parallel.single import Single
from tests.launches import counted


def test_all_rows_are_its_own_and_count_as_much_as_they_are() -> None:
    passes = Single().passes(np.arange(7), 3)
    assert [rows.tolist() for rows, _ in passes] == [[0, 1, 2], [3, 4, 5], [6]]
    assert [share for _, share in passes] == [3 / 7, 3 / 7, 1 / 7]


def test_nothing_is_dispatched_for_others_that_are_not_there() -> None:
    loss, marks = torch.ones(()), list[str]()
    param = torch.nn.Parameter(torch.ones(3))
    param.grad = torch.ones(3)
    with counted() as launches:
        Single().last_backward([param])
        assert Single().reduce(loss, marks.append) is loss
        assert Single().gather((1.5, 2.0)) == [[1.5, 2.0]]
    assert not launches.calls
    assert not marks
    assert float(Single().norm([param.grad])) == float(torch.ones(3).norm())
