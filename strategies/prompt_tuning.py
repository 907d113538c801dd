"""Soft prompts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.plan import Edit, throughout

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class PromptTuning:
    """Train the head and a prompt: the embeddings of `tokens` tokens that stand before the text of every row.

    Source: Lester, Al-Rfou and Constant 2021, arXiv 2104.08691.
    """

    tokens: int = 20

    def __post_init__(self) -> None:
        """Refuse a prompt without tokens."""
        if self.tokens < 1:
            raise UsageError(f"prompt_tuning:tokens={self.tokens} cannot be: a prompt has 1 token or more")

    def edit(self, view: ModelView) -> Edit:
        """Freeze the body, and put a prompt before every row."""
        return Edit(prompt_tokens=self.tokens, phases=throughout({view.head}))
