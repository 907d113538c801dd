"""Summarises the data of a run for the report."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from bench.records.data_summary import MOST_CLASSES, ClassCount, DataSummary, Lengths, SplitSummary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bench.workload.data.cleaning import Cleaned
    from bench.workload.data.selection import Chosen

__all__ = ["summarise"]


def summarise(
    chosen: Chosen, train_lengths: NDArray[np.int64], eval_lengths: NDArray[np.int64], limit: int
) -> DataSummary:
    """Summarise how rows were chosen, and how long they are: lengths are before truncation to `limit`, (rows,)."""
    num_classes = len(chosen.label_names)
    of_train, of_eval = (
        np.bincount(split.labels, minlength=num_classes) for split in (chosen.train, chosen.evaluation)
    )
    order = np.argsort(-(of_train + of_eval), kind="stable")
    listed, others = order[:MOST_CLASSES], order[MOST_CLASSES:]
    unseen = (of_train == 0) & (of_eval > 0)
    majority = int(of_eval.argmax())
    return DataSummary(
        train=_split(chosen.sources[0]),
        evaluation=_split(chosen.sources[1]) if len(chosen.sources) > 1 else None,
        num_dropped_duplicates=chosen.num_dropped_duplicates,
        num_available_train=chosen.num_available[0],
        num_available_eval=chosen.num_available[1],
        num_train=len(chosen.train.labels),
        num_eval=len(chosen.evaluation.labels),
        num_classes=num_classes,
        classes=tuple(
            ClassCount(name=chosen.label_names[index], num_train=int(of_train[index]), num_eval=int(of_eval[index]))
            for index in listed
        ),
        num_other_train=int(of_train[others].sum()),
        num_other_eval=int(of_eval[others].sum()),
        num_unseen_classes=int(unseen.sum()),
        num_unseen_rows=int(of_eval[unseen].sum()),
        majority_class=chosen.label_names[majority],
        majority_share=float(of_eval[majority] / of_eval.sum()),
        lengths=Lengths(
            median=int(np.quantile(train_lengths, 0.5, method="inverted_cdf")),
            quantile_95=int(np.quantile(train_lengths, 0.95, method="inverted_cdf")),
            longest=int(train_lengths.max()),
            limit=limit,
            truncated_share=float((train_lengths > limit).mean()),
            truncated_eval_share=float((eval_lengths > limit).mean()),
        ),
        notes=chosen.notes,
        remarks=chosen.remarks,
    )


def _split(source: Cleaned) -> SplitSummary:
    return SplitSummary(
        **{name: number for name, number in asdict(source).items() if name in SplitSummary.model_fields}
    )
