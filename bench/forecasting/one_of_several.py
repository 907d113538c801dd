"""One process of several without the others: it runs the very code of a shared run, and what it sends reaches nobody."""

from __future__ import annotations

from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist
from torch._subclasses.fake_tensor import unset_fake_temporarily

from bench.errors import NotForecast, Unsupported
from bench.forecasting.tracker import FINDS_SHAPES, SHARDING
from bench.training.parallel.group import Group, why_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["one_of_several"]


@contextmanager
def one_of_several(num_processes: int, device: torch.device) -> Iterator[Group | None]:
    """Let this process be the first of so many on `device`, by torch's fake process group; yields None of one process.

    The first has the largest part of every parameter, where they are cut. What is gathered has the size of what all
    have together, and no numbers of theirs.

    Raises:
        NotForecast: torch has no such group, or this process is one of several by torch already.
        Unsupported: what runs in the context cannot compute with parts.

    """
    if num_processes == 1:
        yield None
        return
    if dist.is_initialized():
        raise NotForecast(
            "torch.distributed is in use in this process already: forecast a process of several in another"
        )
    with unset_fake_temporarily():  # what is made here has numbers, and what is imported may have
        group = _group(num_processes, device)
    try:
        yield group
    except RuntimeError as error:
        if why := why_whole(error):
            raise Unsupported(why) from error
        raise
    finally:
        dist.destroy_process_group()


def _group(num_processes: int, device: torch.device) -> Group:
    try:
        # Internals of torch: the group, with which its own tests are made, and what the tracker must not see.
        import_module("torch.testing._internal.distributed.fake_pg")
        getattr(import_module(SHARDING).ShardingPropagator, FINDS_SHAPES)
    except (ImportError, AttributeError) as error:
        msg = f"torch {torch.__version__} has no fake process group, by which a process of several is forecast"
        raise NotForecast(msg) from error
    import_module("bench.training.parallel.shard")
    from torch.distributed.device_mesh import init_device_mesh  # noqa: PLC0415  (most forecasts are of one process)

    store = dist.HashStore()  # type: ignore[attr-defined]  # there, and not declared
    dist.init_process_group("fake", store=store, rank=0, world_size=num_processes)
    return Group(0, num_processes, device, mesh=init_device_mesh(device.type, (num_processes,)))
