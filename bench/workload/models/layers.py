"""Finds the embeddings, the layers and the head of any classifier of transformers."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from bench.errors import ModelError, first_line
from bench.plan.view import Layer, Linear, ModelView, Param
from bench.workload.models.storage import computing_in_fp32

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from transformers import PreTrainedModel

    from bench.plan.view import Kind

__all__ = ["layers_of", "view_of"]


def view_of(
    model: PreTrainedModel, fresh: Collection[str] = frozenset(), *, num_steps: int = 1, num_epochs: int = 1
) -> ModelView:
    """Return a model's layers in forward order: embeddings, layer 0 to n-1, head.

    The head is every parameter outside the base model, and what the checkpoint lacked, `fresh`. Of the base
    model, what lies outside the layers (position embeddings, a final norm, a pooler) belongs
    to the layer that began last when it first ran: that takes one forward pass of two tokens.
    Shared parameters appear once. `num_steps` and `num_epochs` are those of the run.

    Raises:
        ModelError: the parts cannot be told apart.

    """
    base = model.base_model
    if base is model:
        raise _unplaced(model, "it has no base model apart from its head")
    layers = layers_of(model)
    name_of = {id(param): name for name, param in model.named_parameters()}
    in_base = {id(param) for param in base.parameters()}
    head = {name for key, name in name_of.items() if key not in in_base or name in fresh}
    if not head:
        raise _unplaced(model, "it has no parameter outside its base model")
    place = _places(model, layers)
    names = ["embeddings", *(f"layer {index}" for index in range(len(layers))), "head"]
    slices: dict[str, list[str]] = {name: [] for name in names}
    for key, name in name_of.items():
        slices["head" if name in head else names[place[key]]].append(name)
    layer_of = {param: layer for layer, params in slices.items() for param in params}
    params, kinds = dict(model.named_parameters()), _kinds(model)
    return ModelView(
        layers=tuple(
            Layer(name, tuple(Param(param, kinds[param], tuple(params[param].shape)) for param in slices[name]))
            for name in names
        ),
        linears=tuple(
            Linear(name, layer_of[weight], _shape(module))
            for name, module in model.named_modules()
            if isinstance(module, nn.Linear | Conv1D) and (weight := name_of[id(module.weight)]) not in head
        ),
        tied=_tied(model),
        model_type=model.config.model_type,
        num_steps=num_steps,
        num_epochs=num_epochs,
    )


def _kinds(model: nn.Module) -> dict[str, frozenset[Kind]]:
    """Return the kinds of every parameter, by its first name."""
    found: dict[str, frozenset[Kind]] = {}
    for prefix, module in model.named_modules():
        of_class = type(module).__name__.lower()
        for own, _ in module.named_parameters(prefix, recurse=False):
            of_module: set[Kind] = {"norm"} if "norm" in of_class else set()
            of_param: set[Kind] = {"bias"} if own.endswith("bias") else set()
            if isinstance(module, nn.Embedding) or (not of_module and own.endswith("embeddings")):
                of_param = {"embedding"}
            found.setdefault(own, frozenset(of_module | of_param) or frozenset({"weight"}))
    return found


def _shape(linear: nn.Module) -> tuple[int, int]:
    """Return (outputs, inputs), which transformers' Conv1D stores the other way round."""
    one, other = cast("torch.Tensor", linear.weight).shape
    return (other, one) if isinstance(linear, Conv1D) else (one, other)


def _tied(model: nn.Module) -> tuple[tuple[str, ...], ...]:
    """Return the names of every parameter that has several."""
    names: dict[int, list[str]] = {}
    for name, param in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(param), []).append(name)
    return tuple(tuple(several) for several in names.values() if len(several) > 1)


def layers_of(model: PreTrainedModel) -> nn.ModuleList:
    """Return the one outermost list of as many modules as the configuration has layers, outside any vision part.

    Raises:
        ModelError: there is none, or more than one.

    """
    config = model.config.get_text_config()
    if model.config.is_encoder_decoder:
        raise _unplaced(model, "an encoder and a decoder have no single order of layers")
    found: dict[str, nn.ModuleList] = {}
    for name, module in model.base_model.named_modules():
        inside = any(name.startswith(f"{outer}.") for outer in found) or "vision" in name or "visual" in name
        if isinstance(module, nn.ModuleList) and len(module) == config.num_hidden_layers and not inside:
            found[name] = module
    if len(found) != 1:
        what = f"{len(found)} lists" if found else "no list"
        raise _unplaced(model, f"it has {what} of {config.num_hidden_layers} layers")
    (layers,) = found.values()
    return layers


def _places(model: PreTrainedModel, layers: nn.ModuleList) -> Mapping[int, int]:
    """Return by id where each parameter of the base model belongs: 0 to the embeddings, n to layer n-1."""
    order: list[nn.Module] = []
    with _watched(model, order), computing_in_fp32(model):
        try:
            ids = torch.tensor([[0, 1]], device=model.device)
            model.base_model(input_ids=ids, attention_mask=torch.ones_like(ids))
        except (IndexError, RuntimeError, TypeError, ValueError) as error:
            raise _unplaced(model, f"it does not run on two tokens ({first_line(error)})") from error
    known = set(layers)
    begun = [module for module in order if module in known]
    if begun != list(layers) or len(known) < len(layers):
        raise _unplaced(model, "its layers do not run once each, in order")
    place: dict[int, int] = {}
    for index, layer in enumerate(layers, 1):
        for param in layer.parameters():
            place.setdefault(id(param), index)
    num_begun = 0
    for module in order:
        num_begun += module in known
        for param in module.parameters(recurse=False):
            place.setdefault(id(param), num_begun)
    for param in model.base_model.parameters():  # those of modules that are never called
        place.setdefault(id(param), 0)
    return place


@contextmanager
def _watched(model: PreTrainedModel, order: list[nn.Module]) -> Iterator[None]:
    """Append the modules of the base model to `order` as they are called; the model is left unchanged."""
    training = {module: module.training for module in model.modules()}
    hooks = [
        module.register_forward_pre_hook(lambda module, _: order.append(module))
        for module in model.base_model.modules()
    ]
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            model.eval()
            yield
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in training.items():
            module.training = mode


def _unplaced(model: PreTrainedModel, why: str) -> ModelError:
    return ModelError(f"cannot tell the embeddings, layers and head of {type(model).__name__} apart: {why}")
