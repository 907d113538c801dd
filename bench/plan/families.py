"""What a list of strategies is ordered by: every field of the plan belongs to a family, and so does a strategy that sets it."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Family"]


class Family(StrEnum):
    """In the order in which they are listed, and in which what sets fields of several belongs to one, what trains last."""

    TRAINS = "What trains"
    ADDED = "Adapters and prompts"
    TYPES = "Precision"
    LEARNING = "Learning rates, optimizers, losses"
    RUNNING = "Memory and time"
