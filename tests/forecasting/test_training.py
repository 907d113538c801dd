from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.forecasting.training import Training
from bench.workload.toy import toy_split

TRAINING = Training(split=toy_split(32, shortest=3), batch_size=8)


def test_a_process_of_several_is_the_one_with_the_longest_rows() -> None:
    lengths, batch = TRAINING.split.lengths, TRAINING.rows
    by_length = batch[np.argsort(lengths[batch], kind="stable")]  # as batches of a run are
    for num in (2, 3, 5, 8, 20):
        rows = replace(TRAINING, num_processes=num).rows
        assert len(rows) == len(by_length[::num]) == replace(TRAINING, num_processes=num).num_rows
        assert lengths[rows].sum() >= max(lengths[by_length[rank::num]].sum() for rank in range(num))
    assert replace(TRAINING, num_processes=1).rows.tolist() == batch.tolist()
