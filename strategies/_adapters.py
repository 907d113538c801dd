"""Adapters by peft: parameters beside those of linear layers, which alone train, with the head."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, ClassVar

from bench.errors import UnknownName, Unsupported, UsageError, first_line
from bench.plan import Edit, TransformStage, throughout
from bench.plan.option_text import write
from bench.plan.quiet import quietly

from ._peft import feedforward_targets, make_config, rewrites_weights, targets_by_default

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import nn

    from bench.plan import ModelView

__all__ = ["Adapter", "ByPeft", "LoraOptions", "adapt"]

CERTAIN_LAYERS = frozenset({"beft", "ia3", "ln_tuning"})
"""Types made for certain layers: in a model where peft does not know these, the user must. Others stand on any linear layer."""


def adapt(
    view: ModelView, kind: str, label: str, *, target: Sequence[str] = (), last: int | None = None, **options: Any
) -> Edit:
    """Train the head, and an adapter of this kind beside linear layers.

    Args:
        view: Of the model.
        kind: Its type as peft names it, in lower case, or a name of `_peft.VARIANTS`.
        label: Its name in the report.
        target: Names of linear layers or the ends of such names, with * for any part; none leaves it to peft.
        last: Transformer layers from the top that get adapters; None is all of them.
        options: By the names that peft has for them.

    Raises:
        UsageError: `target` or `last` names what the model does not have.

    """
    num_layers = len(view.names) - 2  # without embeddings and head
    if last is not None and not 1 <= last <= num_layers:
        raise UsageError(
            f"{label}: last={last} cannot be: the model has {num_layers} layers, so last is 1 to {num_layers}"
        )
    modules = _modules(view, kind, last)
    for pattern in target:
        if not any(_matches(name, [pattern]) for name in modules):
            what = f"target of {label}"
            raise UnknownName(what, pattern, {name.rpartition(".")[2] for name in modules})
    chosen = tuple(name for name in modules if _matches(name, target)) if target else modules
    adapter = Adapter(kind, label, tuple(options.items()), chosen, by_default=not target)
    return Edit(phases=throughout({view.head}), transforms=(adapter,))


def _modules(view: ModelView, kind: str, last: int | None) -> tuple[str, ...]:
    """Name the modules of the top `last` layers that may get an adapter: linear layers, or norms for what tunes norms."""
    layers = view.layers[1:-1][-last:] if last else view.layers[:-1]
    if kind == "ln_tuning":
        norms = (param.name for layer in layers for param in layer.params if "norm" in param.kinds)
        return tuple(dict.fromkeys(name.rpartition(".")[0] for name in norms))
    names = {layer.name for layer in layers}
    return tuple(linear.name for linear in view.linears if linear.layer in names)


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) or fnmatchcase(name, f"*.{pattern}") for pattern in patterns)


class ByPeft:
    """A strategy of adapters that peft makes."""

    __slots__ = ()
    needs: ClassVar[tuple[str, ...]] = ("peft",)


@dataclass(frozen=True, slots=True)
class LoraOptions(ByPeft):
    """What LoRA and its relatives can be told; the defaults are those of peft."""

    r: int = 8
    alpha: int = 8
    dropout: float = 0.0
    target: tuple[str, ...] = ()
    last: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no adapter can be."""
        name = type(self).__name__.lower()
        if self.r < 1 or self.alpha < 1:
            wrong = f"r={self.r}" if self.r < 1 else f"alpha={self.alpha}"
            raise UsageError(f"{name}:{wrong} cannot be: it is 1 or more")
        if not 0 <= self.dropout < 1:
            raise UsageError(f"{name}:dropout={self.dropout:g} cannot be: it is a share of 0 to below 1")

    def adapt(self, view: ModelView, kind: str, label: str, **more: Any) -> Edit:
        """Train the head, and LoRA of this kind beside linear layers, with more options of peft."""
        options = {"r": self.r, "lora_alpha": self.alpha} | ({"lora_dropout": self.dropout} if self.dropout else {})
        return adapt(view, kind, label, target=self.target, last=self.last, **options, **more)


@dataclass(frozen=True, slots=True)
class Adapter:
    """Parameters of peft beside those of the model."""

    kind: str
    label: str
    options: tuple[tuple[str, Any], ...]
    modules: tuple[str, ...]
    """Qualified names of those that may get one."""
    by_default: bool
    """Whether peft chooses among them, where it knows the type of the model."""
    stage: TransformStage = TransformStage.ADAPT

    @property
    def rewrites_weights(self) -> bool:
        """Whether it takes a part of the weights beneath into itself."""
        return rewrites_weights(self.kind, dict(self.options))

    def __call__(self, model: nn.Module) -> nn.Module:
        """Build the adapter into the model.

        Raises:
            Unsupported: peft has none for a model of this architecture, in its words.

        """
        before = set(model.parameters())
        with quietly():
            import peft  # noqa: PLC0415  (it takes a second, as torch does)
            import torch  # noqa: PLC0415

            if self.kind == "frod":  # whose forward pass warns of it otherwise
                torch.sparse.check_sparse_tensor_invariants.disable()
            try:
                made: Any = peft.get_peft_model(model, self._config(model))
            except (ImportError, NotImplementedError, TypeError, ValueError) as error:
                raise Unsupported(f"peft has no {self.label} for this model: {first_line(error)}") from error
        adapted: nn.Module = made
        added = [(name, param) for name, param in adapted.named_parameters() if param not in before]
        for name, param in added:
            # peft's own rule of what trains, which a number that it freezes escapes where it is cast or moved (AdaLoRA's ranks)
            param.requires_grad_(param.requires_grad and made.base_model.prefix in name)
        if not any(param.requires_grad for _, param in added):
            raise Unsupported(f"peft's {self.label} has no parameters for {type(model).__name__}")
        return adapted

    def describe(self, view: ModelView) -> str:
        """Say what is added, and to how many modules of which names."""
        targets = self._targets(view.model_type)
        ends = ", ".join(sorted({name.rpartition(".")[2] for name in targets}))
        options = "".join(f", {name.removeprefix('lora_')}={write(value)}" for name, value in self.options)
        return f"{self.label}{options}, on {len(targets)} {'norms' if self.kind == 'ln_tuning' else 'linear layers'} ({ends})"

    def _config(self, model: Any) -> Any:
        model_type = model.config.model_type
        targets = self._targets(model_type)
        if not targets:
            raise Unsupported(f"peft does not know where in a {model_type} {self.label} belongs: say it with target")
        options = dict(self.options)
        if self.kind == "ia3":
            ends = options.get("feedforward_modules") or feedforward_targets(model_type)
            # None lets peft say that it must be told.
            options["feedforward_modules"] = (
                None if ends is None else tuple(one for one in targets if _matches(one, ends))
            )
        config = make_config(self.kind, {**options, "target_modules": targets})
        if getattr(config, "init_lora_weights", None) == "olora" and any(
            type(model.get_submodule(name)).__name__ == "Conv1D" for name in targets
        ):
            raise ValueError("the matrices that OLoRA begins with do not fit the transposed weights of Conv1D")
        return config

    def _targets(self, model_type: str) -> tuple[str, ...]:
        if not self.by_default:
            return self.modules
        known = targets_by_default(self.kind, model_type)
        if known is None:
            return () if self.kind in CERTAIN_LAYERS else self.modules
        if isinstance(known, str):
            return tuple(name for name in self.modules if re.fullmatch(known, name))
        return tuple(name for name in self.modules if _matches(name, known))
