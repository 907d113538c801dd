"""What was read for a run: rows kept and left out, classes, and lengths. It is part of the run's record."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt

__all__ = ["MOST_CLASSES", "ClassCount", "DataSummary", "Lengths", "SplitSummary"]

MOST_CLASSES = 10
"""Classes that are listed one by one."""

_Share = Field(ge=0, le=1)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SplitSummary(_Part):
    """One split as it stands in the source."""

    num_rows: NonNegativeInt
    num_without_text: NonNegativeInt
    """Left out; of a pair of texts, those without one of the two too."""
    num_without_label: NonNegativeInt
    """Left out, though they have a text."""
    num_repeated: NonNegativeInt
    """Rows whose text an earlier row of the split has; they are kept."""
    num_contradicting: NonNegativeInt
    """Of them, those with another class than the first."""


class ClassCount(_Part):
    """The rows of one class among those that are used."""

    name: str
    num_train: NonNegativeInt
    num_eval: NonNegativeInt


class Lengths(_Part):
    """Tokens of the texts that are trained on, before any is truncated."""

    median: NonNegativeInt
    quantile_95: NonNegativeInt
    longest: NonNegativeInt
    limit: NonNegativeInt
    """Longer texts are truncated to it."""
    truncated_share: float = _Share
    truncated_eval_share: float = _Share


class DataSummary(_Part):
    """How what was read became what is trained and evaluated on."""

    train: SplitSummary
    evaluation: SplitSummary | None
    """None where the evaluation rows were held out of the training split."""
    num_dropped_duplicates: NonNegativeInt
    """Training rows left out because an evaluation row has the same text."""
    num_available_train: NonNegativeInt
    """Rows left to train on, of which those that are used were drawn."""
    num_available_eval: NonNegativeInt
    num_train: NonNegativeInt
    num_eval: NonNegativeInt
    num_classes: NonNegativeInt
    """In both splits, those of rows that were not drawn included."""
    classes: tuple[ClassCount, ...]
    """The most frequent ones, at most MOST_CLASSES, the most rows first."""
    num_other_train: NonNegativeInt
    """Rows of the classes that are not listed."""
    num_other_eval: NonNegativeInt
    num_unseen_classes: NonNegativeInt
    """Classes of evaluation rows that no training row has."""
    num_unseen_rows: NonNegativeInt
    """Evaluation rows of those classes, which can hardly be got right."""
    majority_class: str
    """The most frequent class of the evaluation rows."""
    majority_share: float = _Share
    lengths: Lengths
    notes: tuple[str, ...] = ()
    """How the files were read, in a few words each."""
    remarks: tuple[str, ...] = ()
    """What is odd about splits and labels, a sentence each."""
