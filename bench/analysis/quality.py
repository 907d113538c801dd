"""The quality: the one score that ranking, ties, gates and headlines of a comparison speak of."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from bench.records.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.experiment.spec import QualityName

__all__ = ["ACCURACY", "MEMORY", "QUALITIES", "SPEED", "Quality"]

SPEED, MEMORY = "samples_per_second", "training_memory_bytes"
"""What decides beside the quality."""


@dataclass(frozen=True, slots=True)
class Quality:
    """One score of an evaluation, which is a share: of METRICS, and a field of `bench.records.record.Evaluation`."""

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
        return (SPEED, MEMORY, self.metric)

    @property
    def words(self) -> dict[str, str]:
        """What a sentence calls each of the three."""
        return {SPEED: "speed", MEMORY: "memory", self.metric: self.word}


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
