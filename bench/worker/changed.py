"""What a run changed, and so what has to be kept of it: adapters, whole modules, or the weights that are not the checkpoint's.

What a model offers decides, never the name of a strategy or a library: where it has a `peft_config`, its adapters can
be kept apart from it, in the layout of peft.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import torch
    from torch import nn

    from bench.training.prepared import Prepared

__all__ = ["deploy_bytes", "modules_beside_adapters", "tensors_of"]

IN_PEFT = "base_model.model."
"""Before the names of a classifier in a file of peft."""


def modules_beside_adapters(prepared: Prepared) -> dict[str, nn.Module] | None:
    """Return the modules to keep whole beside the adapters, by name, the head among them.

    None where adapters and such modules are not all that changed, and where there are no adapters to keep apart.
    """
    model: Any = prepared.model
    if prepared.rewritten or prepared.prompt or list(getattr(model, "peft_config", ())) != ["default"]:
        return None
    classifier: nn.Module = model.get_base_model()
    if any(hasattr(module, "merge_and_unload") for module in classifier.modules()):
        return None
    found = dict(_outermost(classifier, _changed(prepared)))
    if not all(
        f"{name}.{key}" in prepared.params for name, module in found.items() for key, _ in module.named_parameters()
    ):
        return None  # adapters stand inside
    # peft takes every module whose name ends like one of these.
    return {name: module for name, module in classifier.named_modules() if name.endswith(tuple(found))}


def tensors_of(modules: Mapping[str, nn.Module]) -> dict[str, torch.Tensor]:
    """Name the tensors of modules as a file of peft does."""
    return {
        f"{IN_PEFT}{name}.{key}": tensor.detach().cpu().contiguous().clone()
        for name, module in modules.items()
        for key, tensor in module.state_dict().items()
    }


def deploy_bytes(prepared: Prepared) -> int | None:
    """Return the size of what has to be stored beside the base model: the weights that are not as the checkpoint has them.

    None where adapters do not tell what they would store.
    """
    model: Any = prepared.model
    if (modules := modules_beside_adapters(prepared)) is not None:
        from peft import get_peft_model_state_dict  # noqa: PLC0415  (where there are adapters alone)

        try:
            adapters = get_peft_model_state_dict(model, save_embedding_layers=False)
        except Exception:  # noqa: BLE001  (of methods that do not exist yet)
            return None
        return _size(adapters | tensors_of(modules))
    before, changed = set(map(id, prepared.params.values())), _changed(prepared)
    return _size(
        {
            name: param
            for name, param in model.named_parameters()
            # What was added to weights that are no longer the checkpoint's is merged into them.
            if id(param) in changed or (id(param) not in before and not prepared.rewritten)
        }
    )


def _size(tensors: Mapping[str, torch.Tensor]) -> int:
    return sum(tensor.nbytes for tensor in tensors.values())


def _changed(prepared: Prepared) -> set[int]:
    """The parameters, by id, that the model had before any transform and that are no longer as its checkpoint has them."""
    # The head is not of the checkpoint, or has its rows in the order of the data's classes, even where it does not train.
    names = prepared.resolved.trained | set(prepared.resolved.view.layers[-1].param_names)
    return {id(prepared.params[name]) for name in names} | set(map(id, prepared.rewritten))


def _outermost(module: nn.Module, changed: set[int], name: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Find the outermost modules in which all parameters changed, and those that own one that did."""
    whole = {id(param) in changed for param in module.parameters()}
    if name and (whole == {True} or any(id(param) in changed for param in module.parameters(recurse=False))):
        yield name, module
    elif True in whole:
        for child, inner in module.named_children():
            yield from _outermost(inner, changed, f"{name}.{child}" if name else child)
