"""Words that a request may hold, of few."""

from __future__ import annotations

from typing import Literal

__all__ = ["HeadChoice", "Quoting"]

HeadChoice = Literal["auto", "fresh", "checkpoint"]
"""The checkpoint's head where it fits the data, a fresh one in any case, the checkpoint's or an error."""

Quoting = Literal["none", "standard", "backslash"]
"""What quotes mean in files of separated values."""
