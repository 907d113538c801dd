"""Chooses the rows to train and evaluate on: cleans, splits, removes leaks, draws."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench.errors import DataError
from bench.workload.data.classes import check_classes, remarks_on
from bench.workload.data.cleaning import Cleaned, clean, without_labels
from bench.workload.data.labels import natural_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bench.experiment.spec import WorkloadSpec
    from bench.workload.rows import Rows, Text

__all__ = ["Chosen", "Texts", "apportion", "choose", "draw"]

EVAL_SHARE = 0.2
"""The share of rows held out where a data set has no evaluation split."""


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
    """The rows of a workload, in order, and how they were chosen."""

    train: Texts
    evaluation: Texts
    label_names: tuple[str, ...]
    """Names of the classes of both splits."""
    sources: tuple[Cleaned, ...]
    """The training split, and the evaluation split where the data set has one with labels."""
    num_dropped_duplicates: int
    """Training rows whose text is also in the evaluation split."""
    num_available: tuple[int, int]
    """Rows available for training and for evaluation, from which those in use were drawn."""
    notes: tuple[str, ...]
    """How the splits were read, in a few words each."""
    remarks: tuple[str, ...]
    """What is odd about the splits and labels, a sentence each."""

    @property
    def num_dropped_rows(self) -> int:
        """The number of rows without text (of a pair: without one of the two) or label."""
        return sum(source.num_without_text + source.num_without_label for source in self.sources)


def choose(spec: WorkloadSpec, train: Rows, evaluation: Rows | None, *, validation: bool = False) -> Chosen:
    """Clean, split and draw the rows of a workload, as a function of the data and the data seed alone.

    An evaluation split without labels is replaced by rows held out of the training split, unless
    it was asked for by name. For `validation`, a fifth of the rows that there are to train on takes the place of the
    evaluation rows, which are neither trained nor evaluated on.

    Raises:
        DataError: a split is empty or has no labels, the labels are no classes or a single one, or
            the splits have no class in common.

    """
    where = spec.dataset
    first = _training_rows(train, where)
    notes = dict.fromkeys(note for split in (train, evaluation) if split for note in split.notes)
    aside = _put_aside(spec, evaluation)
    if evaluation is None or aside:
        sources: tuple[Cleaned, ...] = (first,)
        known = sorted(set(first.names), key=natural_order)
        rows = Texts(first.texts, _numbers(first.names, known))
        kept, held_out = _hold_out(rows.labels, _rng(spec, 0))
        rows, held = rows.take(kept), rows.take(held_out)
    else:
        second = clean(evaluation, f"{where}, evaluation split")
        sources = (first, second)
        _check_common(first.names, second.names, where)
        known = sorted({*first.names, *second.names}, key=natural_order)
        rows, held = (Texts(each.texts, _numbers(each.names, known)) for each in sources)
    if validation:
        notes["evaluated on rows held out of those to train on"] = None
        rows = _without(rows, held)
        kept, held_out = _hold_out(rows.labels, _rng(spec, 3))
        rows, held = rows.take(kept), rows.take(held_out)
        if len(np.unique(_without(rows, held).labels)) < 2 or not len(held.labels):  # noqa: PLR2004  (classes)
            msg = (
                f"{where} has too few rows to train on, or too many alike, to hold some out for --tune; name rates instead, "
                "as in freeze:lr=1e-3"
            )
            raise DataError(msg)
    unleaked = _without(rows, held)
    drawn = unleaked.take(draw(unleaked.labels, spec.train_samples, _rng(spec, 1)))
    num_leaked = len(rows.labels) - len(unleaked.labels)
    if not len(held.labels):
        msg = f"no class of {where} has two rows, of which one could be held out: is the label column the right one?"
        raise DataError(msg)
    if len(np.unique(drawn.labels)) < 2:  # noqa: PLR2004  (classes)
        advice = f"{num_leaked} stand in the evaluation split too" if num_leaked else "take more rows"
        raise DataError(f"{len(drawn.labels)} training rows, not of two classes, are left of {where}; {advice}")
    return Chosen(
        train=drawn,
        evaluation=held.take(draw(held.labels, spec.eval_samples, _rng(spec, 2))),
        label_names=tuple(known),
        sources=sources,
        num_dropped_duplicates=num_leaked,
        num_available=(len(unleaked.labels), len(held.labels)),
        notes=tuple(notes),
        remarks=(*aside, *remarks_on(sources)),
    )


def _without(rows: Texts, others: Texts) -> Texts:
    """Leave out the rows whose text is also among others."""
    leaked = set(others.texts)
    return rows.take(np.array([row for row, text in enumerate(rows.texts) if text not in leaked], dtype=np.int64))


def _training_rows(train: Rows, where: str) -> Cleaned:
    """Clean the training split, and check that its labels are classes."""
    split = f"the training split of {where}"
    if why := without_labels(train):
        msg = f"{split} has no labels ({why}); name another split (--train-split) or label column (--label-column)"
        raise DataError(msg)
    cleaned = clean(train, f"{where}, training split")
    counts = Counter(cleaned.names)
    if len(counts) < 2:  # noqa: PLR2004  (classes)
        only = f"a single class, {next(iter(counts))}" if counts else "no row with a text and a label"
        raise DataError(f"{split} has {only} (an empty label counts as none); two are needed")
    check_classes(counts, split)
    return cleaned


def _put_aside(spec: WorkloadSpec, evaluation: Rows | None) -> tuple[str, ...]:
    """Return a remark that the evaluation split has no labels; empty where it has some, or there is none."""
    if evaluation is None or not (why := without_labels(evaluation)):
        return ()
    said = f"the evaluation split of {spec.dataset} has no labels ({why})"
    if spec.eval_split is not None:
        msg = f"{said}; name another (--eval-split), or leave it out, and rows of the training split are held out"
        raise DataError(msg)
    return (f"{said}, so rows of the training split were held out instead",)


def _check_common(names: Sequence[str], eval_names: Sequence[str], where: str) -> None:
    """Refuse an evaluation split that shares no class with training; single missing classes are remarked on later."""
    known = set(names)
    if not eval_names:
        raise DataError(f"the evaluation split of {where} has no row with a text and a label")
    if known.isdisjoint(eval_names):
        theirs, ours = (", ".join(sorted(set(each), key=natural_order)[:3]) for each in (eval_names, known))
        msg = f"the evaluation split of {where} has no class that the training split has: {theirs}, but {ours} to train on"
        raise DataError(msg)


def draw(labels: NDArray[np.int64], num: int | None, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw `num` rows (None: all) in random order, stratified by class."""
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
    """Split rows into training and evaluation; every class keeps a training row."""
    counts = np.bincount(labels)
    quotas = np.minimum(apportion(counts, max(1, round(EVAL_SHARE * len(labels)))), counts - 1)
    shuffled = [rng.permutation(np.flatnonzero(labels == number)) for number in range(len(counts))]
    held = np.concatenate([rows[:quota] for rows, quota in zip(shuffled, quotas, strict=True)])
    kept = np.concatenate([rows[quota:] for rows, quota in zip(shuffled, quotas, strict=True)])
    return np.sort(kept), np.sort(held)


def _numbers(names: Sequence[str], known: Sequence[str]) -> NDArray[np.int64]:
    number_of = {name: number for number, name in enumerate(known)}
    return np.array([number_of[name] for name in names], dtype=np.int64)


def _rng(spec: WorkloadSpec, stream: int) -> np.random.Generator:
    """Return the random generator of one decision, so that no decision affects another."""
    return np.random.default_rng((spec.data_seed, stream))
