from __future__ import annotations

import numpy as np
import torch

from bench.training.step import take_step
from tests.applied import RAGGED, applied


def test_a_step_in_parts_is_the_step_of_all_rows_and_tells_its_parts() -> None:
    rows, after, told = np.arange(8), [], []
    for text in ("full", "accumulate:rows=6"):
        prepared, marks = applied(text), list[str]()
        done = take_step(prepared, RAGGED, rows, step=0, num_steps=1, max_grad_norm=1.0, mark=marks.append)
        assert (done.num_tokens, done.num_computed) == (RAGGED.lengths[:8].sum(),) * 2
        assert all(param.grad is None for param in prepared.trained)
        after.append([done.loss, *prepared.trained])
        told.append(marks)
    assert told == [["data", "forward", "backward"], ["data", "forward", "backward"] * 2]
    for one, other in zip(*after, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)
