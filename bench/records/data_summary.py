"""What was read for a run: rows kept and left out, classes, and lengths. It is part of the run's record."""

from __future__ import annotations

from bench.experiment.bounds import Count, Frozen, Share

__all__ = ["MOST_CLASSES", "ClassCount", "DataSummary", "Lengths", "SplitSummary", "unseen_classes"]

MOST_CLASSES = 10
"""Classes that are listed one by one."""


class SplitSummary(Frozen):
    """One split as it stands in the source."""

    num_rows: Count
    num_without_text: Count
    """Left out; of a pair of texts, those without one of the two too."""
    num_without_label: Count
    """Left out, though they have a text."""
    num_repeated: Count
    """Rows whose text an earlier row of the split has; they are kept."""
    num_contradicting: Count
    """Of them, those with another class than the first."""


class ClassCount(Frozen):
    """The rows of one class among those that are used."""

    name: str
    num_train: Count
    num_eval: Count


class Lengths(Frozen):
    """Tokens of the texts that are trained on, before any is truncated."""

    median: Count
    quantile_95: Count
    longest: Count
    limit: Count
    """Longer texts are truncated to it."""
    truncated_share: Share
    truncated_eval_share: Share


class DataSummary(Frozen):
    """How what was read became what is trained and evaluated on."""

    train: SplitSummary
    evaluation: SplitSummary | None
    """None where the evaluation rows were held out of the training split."""
    num_dropped_duplicates: Count
    """Training rows left out because an evaluation row has the same text."""
    num_available_train: Count
    """Rows left to train on, of which those that are used were drawn."""
    num_available_eval: Count
    num_train: Count
    num_eval: Count
    num_classes: Count
    """In both splits, those of rows that were not drawn included."""
    classes: tuple[ClassCount, ...]
    """The most frequent ones, at most MOST_CLASSES, the most rows first."""
    num_other_train: Count
    """Rows of the classes that are not listed."""
    num_other_eval: Count
    num_unseen_classes: Count
    """Classes of evaluation rows that no training row has."""
    num_unseen_rows: Count
    """Evaluation rows of those classes, which can hardly be got right."""
    majority_class: str
    """The most frequent class of the evaluation rows."""
    majority_share: Share
    lengths: Lengths
    notes: tuple[str, ...] = ()
    """How the files were read, in a few words each."""
    remarks: tuple[str, ...] = ()
    """What is odd about splits and labels, a sentence each."""


def unseen_classes(summary: DataSummary) -> str:
    """Count the evaluation rows that nobody can get right; empty where training has every class."""
    rows, classes = summary.num_unseen_rows, summary.num_unseen_classes
    if not rows:
        return ""
    of = "a class" if classes == 1 else f"{classes:,} classes"
    more = " (--train-samples all trains on more)" if summary.num_train < summary.num_available_train else ""
    return f"{rows:,} of {summary.num_eval:,} evaluation rows are of {of} that no training row has{more}"
