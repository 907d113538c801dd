"""Soft prompts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.errors import UsageError
from bench.plan import Edit, throughout

from ._optimizers import check_positive

if TYPE_CHECKING:
    from bench.plan import ModelView


@dataclass(frozen=True, slots=True)
class PromptTuning:
    """Train the head and a prompt: the embeddings of `tokens` tokens that stand before the text of every row.

    Rates are `factor` times those of adapters.

    Source: Lester, Al-Rfou and Constant 2021, arXiv 2104.08691.
    """

    tokens: int = 20
    factor: float = 10.0

    def __post_init__(self) -> None:
        """Refuse a prompt without tokens, and a rate of nothing."""
        if self.tokens < 1:
            raise UsageError(f"prompt_tuning:tokens={self.tokens} cannot be: a prompt has 1 token or more")
        check_positive("prompt_tuning", factor=self.factor)

    def edit(self, view: ModelView) -> Edit:
        """Freeze the body, and put a prompt before every row."""
        scale = (("*", self.factor),)
        return Edit(prompt_tokens=self.tokens, phases=throughout({view.head}), lr_scale=scale)
