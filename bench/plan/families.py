"""What a list of strategies is ordered by: every field of the plan belongs to a family, and so does a strategy that sets it."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Family"]


class Family(StrEnum):
    """In the order in which they are listed."""

    TRAINS = "What trains"
    ADDED = "Adapters and prompts"
    LEARNING = "Learning rates, optimizers, losses"
    TYPES = "Precision"
    RUNNING = "Memory and time"
