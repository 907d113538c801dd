"""What a strategy can be exported to."""

from __future__ import annotations

from typing import Literal

__all__ = ["Form"]

Form = Literal["trainer", "llamafactory"]
"""A script for transformers' Trainer, or YAML for LLaMA-Factory."""
