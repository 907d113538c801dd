"""Any type of adapter that the installed peft has."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ._adapters import ByPeft, adapt
from ._peft import check_type, options_by_type, read_options

if TYPE_CHECKING:
    from bench.plan import Edit, ModelView


@dataclass(frozen=True, slots=True)
class Adapter(ByPeft):
    """Train the head and an adapter of any `type` that peft has, with the options that peft has for it.

    Source: Mangrulkar et al. 2022, https://github.com/huggingface/peft.
    """

    type: str = "lora"
    target: tuple[str, ...] = ()
    last: int | None = None
    options: tuple[tuple[str, str], ...] = field(default=(), metadata={"rest": True})

    types = staticmethod(options_by_type)

    def __post_init__(self) -> None:
        """Refuse a type or an option that peft does not have."""
        if self.type != "lora" or self.options:  # peft is not asked for what it has for sure
            check_type(self.type)
            read_options(self.type, self.options)

    def edit(self, view: ModelView) -> Edit:
        """Add the adapter; alone, with the head, it trains."""
        options = read_options(self.type, self.options)
        return adapt(view, self.type, self.type, target=self.target, last=self.last, **options)
