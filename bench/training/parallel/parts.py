"""Tensors that are cut among ranks, as plain values and back: the part of this rank, and how it belongs to the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from bench.errors import Unsupported
from bench.training.parallel.base import is_cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["as_cut", "how_cut", "local", "mesh_of"]


def local(tensor: Any) -> torch.Tensor:
    """The part of a tensor that this rank has, or all of it where it is not cut: without history, in the same memory."""
    own = tensor.detach()
    part: torch.Tensor = own.to_local() if is_cut(own) else own
    return part


def how_cut(tensor: Any) -> dict[str, Any]:
    """Tell in plain values how a tensor is cut.

    Raises:
        Unsupported: in a way that `as_cut` does not know.

    """
    from torch.distributed.tensor import Replicate, Shard  # noqa: PLC0415  (much of torch, and most runs cut nothing)

    if not all(type(one) in {Replicate, Shard} for one in tensor.placements):
        raise Unsupported(f"its optimizer keeps a tensor that lies on the ranks as {tensor.placements}")
    dims = [one.dim if isinstance(one, Shard) else None for one in tensor.placements]
    return {"dims": dims, "shape": list(tensor.shape), "stride": list(tensor.stride())}


def as_cut(part: torch.Tensor, how: Mapping[str, Any], mesh: Any) -> torch.Tensor:
    """Make the tensor of which `local` and `how_cut` were told, on the ranks of `mesh`, wherever the part lies."""
    from torch.distributed.tensor import DTensor, Replicate, Shard  # noqa: PLC0415  (as above)

    placements = [Replicate() if dim is None else Shard(dim) for dim in how["dims"]]
    # Of no numbers at first: a part that waits in the host's memory would be moved to the ranks' devices.
    shell = DTensor.from_local(
        part.to("meta"),
        mesh,
        placements,
        run_check=False,
        shape=torch.Size(how["shape"]),
        stride=tuple(how["stride"]),
    )
    made = torch.empty_like(shell, device=part.device)
    local(made).copy_(part)
    return made


def mesh_of(tensors: Iterable[torch.Tensor]) -> object:
    """The ranks among which the first that is cut lies; None where none is."""
    return next((tensor.device_mesh for tensor in tensors if is_cut(tensor)), None)  # type: ignore[attr-defined]
