"""Which rows are trained and evaluated on: cleaned, split, without leaks, drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from bench.errors import DataError
from bench.workload.labels import class_of, natural_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bench.spec import WorkloadSpec
    from bench.workload.reading import Rows, Text

__all__ = ["Chosen", "Texts", "apportion", "choose", "draw"]

EVAL_SHARE = 0.2
"""Of the rows, for a data set that has no evaluation split."""


@dataclass(frozen=True, slots=True)
class Texts:
    """Rows with a text and a class."""

    texts: Sequence[Text]
    labels: NDArray[np.int64]  # (rows,), index into the class names

    def take(self, rows: NDArray[np.int64]) -> Texts:
        """Keep the given rows, in that order."""
        return Texts([self.texts[row] for row in rows], self.labels[rows])


@dataclass(frozen=True, slots=True)
class Chosen:
    """The rows of a workload, in the order in which they are kept."""

    train: Texts
    evaluation: Texts
    label_names: tuple[str, ...]
    num_dropped_duplicates: int
    """Training rows whose text is also in the evaluation split."""
    num_dropped_rows: int
    """Rows without text (of a pair: without one of the two) or label."""


def choose(spec: WorkloadSpec, train: Rows, evaluation: Rows | None) -> Chosen:
    """Clean, split and draw the rows of a workload; a function of the data and the data seed alone.

    Raises:
        DataError: a split is empty, there is a single class, or the evaluation split has a
            class that the training split does not have.

    """
    where = spec.dataset
    texts, names = _clean(train, f"{where}, training split")
    num_dropped = len(train.texts) - len(texts)
    known = sorted(set(names), key=natural_order)
    if len(known) < 2:  # noqa: PLR2004  (classes)
        only = f"a single class, {known[0]}" if known else "no row with a text and a label"
        msg = f"the training split of {where} has {only} (an empty label and -1 count as none); two are needed"
        raise DataError(msg)
    rows = Texts(texts, _numbers(names, known))
    if evaluation is None:
        kept, held_out = _hold_out(rows.labels, _rng(spec, 0))
        rows, held = rows.take(kept), rows.take(held_out)
    else:
        eval_texts, eval_names = _clean(evaluation, f"{where}, evaluation split")
        num_dropped += len(evaluation.texts) - len(eval_texts)
        if unseen := sorted(set(eval_names).difference(known), key=natural_order):
            msg = f"the evaluation split of {where} has a class that the training split lacks: {unseen[0]}"
            raise DataError(msg)
        held = Texts(eval_texts, _numbers(eval_names, known))
    leaked = set(held.texts)
    unleaked = rows.take(np.array([row for row, text in enumerate(rows.texts) if text not in leaked], dtype=np.int64))
    drawn = unleaked.take(draw(unleaked.labels, spec.train_samples, _rng(spec, 1)))
    held = held.take(draw(held.labels, spec.eval_samples, _rng(spec, 2)))
    if not len(held.labels):
        msg = (
            f"no class of {where} has two rows, of which one could be held out: is the label column the right one?"
            if evaluation is None
            else f"the evaluation split of {where} has no row with a text and a label"
        )
        raise DataError(msg)
    if len(np.unique(drawn.labels)) < 2:  # noqa: PLR2004  (classes)
        num_leaked = len(rows.labels) - len(unleaked.labels)
        advice = f"{num_leaked} stand in the evaluation split too" if num_leaked else "take more rows"
        msg = f"{len(drawn.labels)} training rows, not of two classes, are left of {where}; {advice}"
        raise DataError(msg)
    return Chosen(drawn, held, tuple(known), len(rows.labels) - len(unleaked.labels), num_dropped)


def draw(labels: NDArray[np.int64], num: int | None, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw `num` rows (all for None) in random order, so that every class keeps its share."""
    if num is None or num >= len(labels):
        return rng.permutation(len(labels))
    quotas = apportion(np.bincount(labels), num)
    members = [rng.permutation(np.flatnonzero(labels == number))[:quota] for number, quota in enumerate(quotas)]
    return rng.permutation(np.concatenate(members))


def apportion(counts: NDArray[np.int64], num: int) -> NDArray[np.int64]:
    """Split `num` over classes in proportion to their counts, by largest remainders."""
    exact = counts * num / counts.sum()
    quotas: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    most_lacking = np.argsort(quotas - exact, kind="stable")
    quotas[most_lacking[: num - quotas.sum()]] += 1
    return quotas


def _hold_out(labels: NDArray[np.int64], rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split rows into those to train on and those to evaluate on; every class keeps a row to train on."""
    counts = np.bincount(labels)
    quotas = np.minimum(apportion(counts, max(1, round(EVAL_SHARE * len(labels)))), counts - 1)
    shuffled = [rng.permutation(np.flatnonzero(labels == number)) for number in range(len(counts))]
    held = np.concatenate([rows[:quota] for rows, quota in zip(shuffled, quotas, strict=True)])
    kept = np.concatenate([rows[quota:] for rows, quota in zip(shuffled, quotas, strict=True)])
    return np.sort(kept), np.sort(held)


def _clean(rows: Rows, where: str) -> tuple[list[Text], list[str]]:
    """Keep the rows that have a text (of a pair: both) and a label, with the names of their classes."""
    texts: list[Text] = []
    names: list[str] = []
    for number, (text, label) in enumerate(zip(rows.texts, rows.labels, strict=True), 1):
        parts = text if isinstance(text, tuple) else (text,)
        if wrong := [part for part in parts if part is not None and not isinstance(part, str)]:
            msg = f"{where}: row {number} holds {wrong[0]!r} where a text is expected; choose another text column"
            raise DataError(msg)
        try:
            name = class_of(label)
        except TypeError as error:
            msg = f"{where}: row {number}: {error}; choose another label column"
            raise DataError(msg) from error
        if all(part and part.strip() for part in parts) and name is not None:
            texts.append(cast("Text", text))
            names.append(name)
    return texts, names


def _numbers(names: Sequence[str], known: Sequence[str]) -> NDArray[np.int64]:
    number_of = {name: number for number, name in enumerate(known)}
    return np.array([number_of[name] for name in names], dtype=np.int64)


def _rng(spec: WorkloadSpec, stream: int) -> np.random.Generator:
    """Give each decision its own stream, so that one does not shift another."""
    return np.random.default_rng((spec.data_seed, stream))
