"""What trains by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from bench.errors import UnknownName, UsageError
from bench.plan import ALL_KINDS, Edit, Trainable, throughout

if TYPE_CHECKING:
    from bench.plan import Kind, ModelView


@dataclass(frozen=True, slots=True)
class Only:
    """Train the head, and below it only parameters whose names match a glob, of some `kinds` (weight/bias/norm/embedding).

    Source: this project.
    """

    match: str = "*"
    kinds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is no kind."""
        for kind in sorted(set(self.kinds) - ALL_KINDS):
            raise UnknownName("kind of parameter", kind, ALL_KINDS)

    def edit(self, view: ModelView) -> Edit:
        """Train what matches."""
        kinds = frozenset(cast("tuple[Kind, ...]", self.kinds)) or ALL_KINDS
        if not view.params_of(Trainable(frozenset(view.body), kinds, self.match)):
            example = view.layers[1].param_names[0]
            of = f"of kind {'/'.join(self.kinds)} " if self.kinds else ""
            msg = f"only: no parameter {of}below the head matches {self.match!r}; names are like {example}"
            raise UsageError(msg)
        return Edit(phases=throughout(view.names, kinds, self.match))
