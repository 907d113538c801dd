"""Words that a request may hold, of few."""

from __future__ import annotations

from typing import Literal

__all__ = ["HeadChoice", "Quoting", "Sharing"]

HeadChoice = Literal["auto", "fresh", "checkpoint"]
"""The checkpoint's head where it fits the data, a fresh one in any case, the checkpoint's or an error."""

Quoting = Literal["none", "standard", "backslash"]
"""What quotes mean in files of separated values."""

Sharing = Literal["replicate", "shard"]
"""How the processes of a run share it: each has the whole model, or a part of every parameter."""
