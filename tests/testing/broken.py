"""Strategies of which each is made to break one demand of the contract, by the name of the check."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import nn
from torch.nn import functional

from bench.plan import ALL_KINDS, Edit, Trainable, TransformStage, throughout
from bench.testing.check import checks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import ModuleType

    from torch.optim import Optimizer

    from bench.plan import ModelView
    from bench.testing.check import Check

COUNTER = itertools.count(1)


@dataclass
class Mutable:
    """It can change under way."""

    def __hash__(self) -> int:
        return 0

    def edit(self, _view: ModelView) -> Edit:
        return Edit(lr=1e-2)


@dataclass(frozen=True)
class Listing:
    """Its option is a list."""

    names: Sequence[str] = field(default_factory=list)

    def edit(self, _view: ModelView) -> Edit:
        return Edit(lr=1e-2)


@dataclass(frozen=True)
class Demanding:
    """It cannot be named without an option."""

    rate: float

    def edit(self, _view: ModelView) -> Edit:
        return Edit(lr=self.rate)


@dataclass(frozen=True)
class Silent:
    def edit(self, _view: ModelView) -> Edit:
        return Edit(lr=1e-2)


@dataclass(frozen=True)
class OwnRate:
    """It has an option that every composition has."""

    lr: float = 1e-2

    def edit(self, _view: ModelView) -> Edit:
        return Edit(lr=self.lr)


@dataclass(frozen=True)
class Exact:
    """Its option is of a type that the command line does not know."""

    share: Fraction = Fraction(1, 2)

    def edit(self, _view: ModelView) -> Edit:
        return Edit(lr=float(self.share) / 100)


def _makes(make: Callable[[ModelView], Mapping[str, Any]]) -> Any:
    """A strategy that keeps to all that can be known of its class, and returns this edit."""

    @dataclass(frozen=True)
    class Sets:
        """It sets whatever the test wants."""

        def edit(self, view: ModelView) -> Edit:
            return cast("Edit", make(view))

    return Sets()


def _sets(**values: Any) -> Any:
    return _makes(lambda _view: values)


class Sly(str):
    """A precision that hides that it is another."""

    __slots__ = ()

    def __ne__(self, _other: object) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other)

    __hash__ = str.__hash__


@dataclass(frozen=True)
class Alternating:
    """Phases that answer otherwise each time."""

    layers: frozenset[str]
    head: str

    def at(self, _step: int, _num_steps: int, _epoch: int, /) -> Trainable:
        return Trainable(self.layers if next(COUNTER) % 3 else frozenset({self.head}))

    def ever(self) -> tuple[Trainable, ...]:
        return (Trainable(self.layers),)


@dataclass(frozen=True)
class Understating:
    """Phases that let train what `ever` does not have."""

    layers: frozenset[str]
    head: str

    def at(self, step: int, _num_steps: int, _epoch: int, /) -> Trainable:
        return Trainable(self.layers if step else frozenset({self.head}))

    def ever(self) -> tuple[Trainable, ...]:
        return (Trainable(frozenset({self.head})),)


@dataclass(frozen=True)
class Around:
    """Calls a function of (module, output) after each of the layers' last linear modules."""

    hook: Callable[[nn.Module, torch.Tensor], torch.Tensor]
    stage: TransformStage = TransformStage.ADAPT

    def __call__(self, model: nn.Module) -> nn.Module:
        linears = [module for module in model.modules() if isinstance(module, nn.Linear)]
        linears[0].register_forward_hook(lambda module, _, output: self.hook(module, output))
        return model

    def describe(self, _view: ModelView) -> str:
        return "a linear layer gives another output"


@dataclass(frozen=True)
class Doubling:
    """Rewrites weights, and does not say so."""

    stage: TransformStage = TransformStage.ADAPT

    def __call__(self, model: nn.Module) -> nn.Module:
        with torch.no_grad():
            next(model.parameters()).mul_(2)
        return model


def _meddle(model: nn.Module, _step: int) -> None:
    for param in model.parameters():
        param.data.add_(1.0)


def _never_finite(logits: torch.Tensor, _targets: torch.Tensor, _model: nn.Module) -> torch.Tensor:
    return logits.sum() * float("nan")


def _fp32_alone(logits: torch.Tensor, targets: torch.Tensor, _model: nn.Module) -> torch.Tensor:
    loss = functional.cross_entropy(logits, targets)
    return loss * float("nan") if torch.is_autocast_enabled("cpu") else loss


def _of_a_sum(logits: torch.Tensor, targets: torch.Tensor, _model: nn.Module) -> torch.Tensor:
    return functional.cross_entropy(logits, targets, reduction="sum")


def _of_several_rows(logits: torch.Tensor, targets: torch.Tensor, _model: nn.Module) -> torch.Tensor:
    if len(logits) == 1:
        raise ValueError("one row has no variance")
    return functional.cross_entropy(logits, targets)


class Costly(torch.autograd.Function):
    """Nothing in the forward pass, and a product in the backward pass."""

    @staticmethod
    def forward(_ctx: Any, output: torch.Tensor) -> torch.Tensor:
        return output.clone()

    @staticmethod
    def backward(_ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        flat = grad.flatten(0, -2)
        return grad + 0 * (flat @ flat.T).sum()


def _costly(_module: nn.Module, output: torch.Tensor) -> torch.Tensor:
    return cast("torch.Tensor", Costly.apply(output))


def _weights_alone(groups: Sequence[Mapping[str, Any]]) -> Optimizer:
    """An optimizer that leaves out what decays not."""
    return torch.optim.AdamW([dict(group) for group in groups if group["weight_decay"]])


HIDDEN: list[torch.Tensor] = []


class Hoarding(torch.optim.SGD):
    """It keeps its state where nobody looks."""

    def step(self, closure: Any = None) -> Any:
        HIDDEN.append(torch.zeros(1000))
        return super().step(closure)


def _hoarding(groups: Sequence[Mapping[str, Any]]) -> Optimizer:
    return Hoarding([dict(group) for group in groups])


def _unlike_the_first_time(_module: nn.Module, output: torch.Tensor) -> torch.Tensor:
    """Another output in the backward pass, where what is recomputed must be what it was."""
    return output * 2 if torch._C._current_graph_task_id() >= 0 else output


def _forgetful(view: ModelView) -> Mapping[str, Any]:
    """An edit that spoils what it is shown."""
    object.__setattr__(view, "tied", ("spoiled", str(next(COUNTER))))
    return {}


def _with_lambda(_view: ModelView) -> Mapping[str, Any]:
    return {"after_step": (LAMBDA,)}


LAMBDA = lambda _model, _step: None  # noqa: E731  (a function without a name is the point)


class Grown(nn.Module):
    """A linear layer that adds a little, which is lost as it is merged."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner, self.added = inner, nn.Parameter(torch.ones(1))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.inner(rows)
        return output * (1 + SO_LITTLE * self.added)

    def merge_and_unload(self) -> nn.Module:
        return self.inner


SO_LITTLE = 2e-3
"""That saving, which has to bear other types than fp32, does not refuse it."""


@dataclass(frozen=True)
class Growing:
    """Puts that in place of a linear module."""

    name: str
    stage: TransformStage = TransformStage.ADAPT

    def __call__(self, model: nn.Module) -> nn.Module:
        model.set_submodule(self.name, Grown(model.get_submodule(self.name)))
        return model


BROKEN: dict[str, tuple[Any, str]] = {
    "is_a_frozen_dataclass": (Mutable(), "Mutable must be frozen"),
    "is_hashable": (Listing(), r"listing:names=\[\] must be hashable, with tuples in place of lists"),
    "has_defaults": (Demanding(1e-2), "Demanding must have a default for rate"),
    "says_what_it_does": (Silent(), "Silent must say in its docstring what it does"),
    "has_no_option_lr": (OwnRate(), "OwnRate must not have an option lr"),
    "options_round_trip": (Exact(Fraction(1, 3)), "options of exact:share=1/3 cannot be given on the command line"),
    "composes_in_any_order": (
        _sets(precision=Sly("fp16")),
        "sets and amp must compose alike in both orders",
    ),
    "edit_is_pure": (_makes(_forgetful), "must leave the view as it is"),
    "fields_exist": (_sets(momentum=0.9), "sets momentum; the plan has after_step, averaging"),
    "layers_and_kinds_exist": (
        _sets(phases=throughout({"head", "layer 99"}, ALL_KINDS)),
        "name layer 99; the model has embeddings, layer 0",
    ),
    "phases_are_pure": (
        _makes(lambda view: {"phases": Alternating(frozenset(view.names), view.head)}),
        r"phases of sets must be pure: at step \d they gave",
    ),
    "trains_as_told": (
        _makes(lambda view: {"phases": Understating(frozenset(view.names), view.head)}),
        "train model.embed_tokens.weight at step 1, which their `ever` leaves out",
    ),
    "makes_a_plan": (
        _sets(lr_scale=(("layer 99", 2.0),)),
        r"makes no plan for the tiny llama: sets names 'layer 99' in lr_scale",
    ),
    "is_told_in_words": (_makes(_with_lambda), "names an object by its address or its code: '<lambda>'"),
    "preparing_keeps_weights": (
        _sets(transforms=(Doubling(),)),
        "changes model.embed_tokens.weight before the first step: a transform that does so says it",
    ),
    "trains_with_finite_loss": (_sets(loss=_never_finite), "cannot train the tiny llama: the loss is nan at step 1"),
    "what_should_move_moved": (
        _sets(optimizer=_weights_alone),
        r"must change model.layers.0.input_layernorm.weight, .* and \d others, which the plan lets train",
    ),
    "nothing_else_moved": (
        _makes(lambda view: {"phases": throughout({view.head}), "after_step": (_meddle,)}),
        r"changed model.embed_tokens.weight, .* and \d+ others at step 0, which the plan denies",
    ),
    "memory_parts_add_up": (
        _sets(optimizer=_hoarding),
        "keeps 16,000 bytes of state of the optimizer, of which the report would have 0",
    ),
    "products_are_counted": (_sets(transforms=(Around(_costly),)), "FLOPs in step 0, and the report would say"),
    "reloads_as_it_was": (
        _makes(lambda view: {"transforms": (Growing(view.linears[-1].name),)}),
        r"is saved as a model whose logits are another's: they differ by",
    ),
    "trains_with_amp": (_sets(loss=_fp32_alone), "cannot train the tiny llama with amp:dtype=bf16: the loss is nan"),
    "trains_with_checkpoint": (
        _sets(transforms=(Around(_unlike_the_first_time),)),
        "has a loss of .* at step 1, and with checkpoint of",
    ),
    "accumulates": (_sets(loss=_of_a_sum), "at step 0, and with accumulate:rows=3 of"),
    "trains_on_one_row": (
        _sets(loss=_of_several_rows),
        "cannot train the tiny llama on batches of one row: ValueError: one row has no variance",
    ),
}
"""With what the check says of it."""


def checks_in(module: ModuleType) -> dict[str, Check]:
    """The checks of one module of the contract on a tiny Llama, by name; there is one at least."""
    found = {check.demand.__name__: check for check in checks(["llama"]) if check.demand.__module__ == module.__name__}
    assert found
    return found
