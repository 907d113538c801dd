"""The quality: the one score that ranking, ties, gates and headlines of a comparison speak of."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from bench.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ACCURACY", "QUALITIES", "Quality", "QualityName"]

QualityName = Literal["accuracy", "macro_f1", "balanced_accuracy"]


@dataclass(frozen=True, slots=True)
class Quality:
    """One score of an evaluation, which is a share: of METRICS, and a field of `bench.record.Evaluation`."""

    metric: QualityName
    better: str
    """What a strategy is that has more of it."""

    @property
    def word(self) -> str:
        """What it is called."""
        return METRICS[self.metric].label

    @property
    def headlines(self) -> tuple[str, str, str]:
        """The three metrics that decide, in the order of the table."""
        return ("samples_per_second", "training_memory_bytes", self.metric)

    @property
    def worth_settling(self) -> dict[str, str]:
        """The metrics in which a tie is worth settling, in a word."""
        return {"samples_per_second": "speed", self.metric: self.word}


ACCURACY = Quality("accuracy", "more accurate")

QUALITIES: Mapping[str, Quality] = MappingProxyType(
    {
        quality.metric: quality
        for quality in (
            ACCURACY,
            Quality("macro_f1", "better in macro F1"),
            Quality("balanced_accuracy", "better in balanced accuracy"),
        )
    }
)
"""By metric."""
