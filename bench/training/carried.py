"""What a run carries over to another process: everything that decides what its next steps do, as plain values and tensors.

What training does not change is not carried: the other process makes it anew, from the same model and seed.
"""

from __future__ import annotations

import random
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from bench.errors import Unsupported
from bench.measuring.torch_memory import reachable_tensors
from bench.training.parallel.base import is_cut
from bench.training.parallel.parts import as_cut, how_cut, local, mesh_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import nn

    from bench.training.prepared import Prepared

__all__ = ["Carried"]

Plain = dict[str, Any]
"""Of numbers, texts, lists, tuples and tensors, which are written and read without running code."""


class Carried:
    """The weights that train, buffers, optimizer, average, loss scale and random numbers of a model with its plan."""

    def __init__(self, prepared: Prepared) -> None:
        """Look at a model that has not trained yet."""
        self._prepared = prepared
        self._constants = {id(one): (_num_changes(one), one) for one in self._beside_the_state()}

    def take(self) -> Plain:
        """Return all of it, tensors as they are and not copies; between two steps.

        Raises:
            Unsupported: something is kept where it cannot be taken from.

        """
        prepared, device = self._prepared, self._prepared.device
        if prepared.plan.after_step:
            raise Unsupported("what the strategy does after each step may keep numbers of its own")
        for one in self._beside_the_state():
            version, _ = self._constants.get(id(one), (None, None))
            if _num_changes(one) != version:
                raise Unsupported(f"the optimizer {type(prepared.optimizer).__name__} keeps numbers beside its state")
        return {
            "weights": [_alone(local(param)) for param in self._weights()],
            "buffers": {name: _alone(buffer) for name, buffer in prepared.model.named_buffers()},
            "optimizer": self._take_optimizer(),
            "averaged": prepared.averaged.state() if prepared.averaged else None,
            "precision": prepared.precision.state(),
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
            "python": random.getstate(),
            "numpy": _numbers_of_numpy(),
        }

    @torch.no_grad()
    def put(self, found: Plain) -> None:
        """Make all of it what `take` returned in another process, where the same plan was applied to the same model."""
        prepared, device = self._prepared, self._prepared.device
        for param, value in zip(self._weights(), found["weights"], strict=True):
            local(param).copy_(value)
        for name, buffer in prepared.model.named_buffers():
            buffer.copy_(found["buffers"][name])
        self._put_optimizer(found["optimizer"])
        if prepared.averaged:
            prepared.averaged.go_on_from(found["averaged"])
        prepared.precision.go_on_from(found["precision"])
        torch.set_rng_state(found["torch"])
        if device.type == "cuda":
            torch.cuda.set_rng_state(found["cuda"], device)
        random.setstate(found["python"])
        np.random.set_state(tuple(found["numpy"]))  # noqa: NPY002

    def _weights(self) -> list[nn.Parameter]:
        """Whatever trains at some time, and what of the model follows it."""
        prepared = self._prepared
        ever = [prepared.params[name] for name in sorted(prepared.resolved.trained)]
        return list({id(param): param for param in (*prepared.trained, *ever)}.values())

    def _params(self) -> list[torch.Tensor]:
        return [param for group in self._prepared.optimizer.param_groups for param in group["params"]]

    def _beside_the_state(self) -> Iterator[torch.Tensor]:
        """The tensors of the optimizer that neither train nor are of its state or groups."""
        optimizer, params = self._prepared.optimizer, self._params()
        carried = [*optimizer.state.values(), *optimizer.param_groups]
        known = {id(one) for one in reachable_tensors(params, [param.grad for param in params], carried)}
        return (one for one in reachable_tensors(optimizer) if id(one) not in known)

    def _take_optimizer(self) -> Plain:
        optimizer = self._prepared.optimizer
        state = [
            {key: _packed(value) for key, value in optimizer.state[param].items()} if param in optimizer.state else None
            for param in self._params()
        ]
        return {
            "state": state,
            "groups": [_packed_where_known(group) for group in optimizer.param_groups],
            "own": _packed_where_known(vars(optimizer)),
        }

    def _put_optimizer(self, found: Plain) -> None:
        optimizer = self._prepared.optimizer
        unpacked = partial(_unpacked, device=self._prepared.device, mesh=mesh_of(self._params()))
        optimizer.state.clear()  # and not another dictionary: optimizers inside this one may share it
        for param, state in zip(self._params(), found["state"], strict=True):
            if state is not None:
                optimizer.state[param] = {key: unpacked(value) for key, value in state.items()}
        for group, values in zip(optimizer.param_groups, found["groups"], strict=True):
            group.update((key, unpacked(value)) for key, value in values.items())
        vars(optimizer).update((key, unpacked(value)) for key, value in found["own"].items())


_HELD_APART = {"params", "param_groups", "state", "defaults"}


def _packed_where_known(values: Mapping[str, Any]) -> Plain:
    """Pack what can be packed; the rest is code and settings, which the other process has too."""
    packed: Plain = {}
    for key, value in values.items():
        with suppress(Unsupported):
            if key not in _HELD_APART:
                packed[key] = _packed(value)
    return packed


def _packed(value: Any) -> Any:
    match value:
        case None | bool():
            return value
        case int() | float() | str():
            return next(kind(value) for kind in (int, float, str) if isinstance(value, kind))  # of no subclass
        case list() | tuple():
            return [type(value).__name__, *map(_packed, value)]
        case torch.Tensor() if type(value) in (torch.Tensor, torch.nn.Parameter) or is_cut(value):
            told = {"on": value.device.type, "tensor": _alone(local(value))}
            return told | ({"cut": how_cut(value)} if is_cut(value) else {})
        case random.Random():
            return {"random": value.getstate()}
        case dict() if value and all(isinstance(one, torch.Generator) for one in value.values()):
            return {"generators": {str(device): one.get_state() for device, one in value.items()}}
    raise Unsupported(f"its optimizer keeps a {type(value).__name__}, which is no plain tensor or number")


def _unpacked(value: Any, *, device: torch.device, mesh: object) -> Any:
    match value:
        case ["tuple", *items]:
            return tuple(_unpacked(item, device=device, mesh=mesh) for item in items)
        case [_, *items]:
            return [_unpacked(item, device=device, mesh=mesh) for item in items]
        case {"on": kind, "tensor": tensor, **cut}:
            there = tensor.to(device if kind == device.type else kind)
            return as_cut(there, cast("Plain", cut["cut"]), mesh) if cut else there
        case {"random": state}:
            made = random.Random()  # noqa: S311  (no secret)
            made.setstate(state)
            return made
        case {"generators": states}:
            generators = {torch.device(name): torch.Generator(name) for name in states}
            for name, state in states.items():
                generators[torch.device(name)].set_state(state)
            return generators
    return value


def _num_changes(tensor: torch.Tensor) -> int:
    """How often it was written to."""
    return 0 if tensor.is_inference() else tensor._version  # noqa: SLF001


def _alone(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor without its history, and without what else lies in its storage, which would be written with it."""
    tensor = tensor.detach()
    return tensor if tensor.untyped_storage().nbytes() == tensor.nbytes else tensor.clone()


def _numbers_of_numpy() -> list[Any]:
    """What `numpy.random.set_state` takes, as plain values."""
    kind, keys, *rest = cast("tuple[Any, ...]", np.random.get_state(legacy=True))  # noqa: NPY002
    return [kind, np.asarray(keys).tolist(), *rest]
