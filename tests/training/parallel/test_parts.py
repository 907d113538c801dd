from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from bench.errors import Unsupported
from bench.training.parallel.group import joined
from bench.training.parallel.parts import as_cut, how_cut, local, mesh_of
from tests.applied import CPU

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_not_cut_is_its_own_part() -> None:
    tensor = torch.ones(3)
    assert local(tensor).data_ptr() == tensor.data_ptr()
    assert mesh_of([tensor]) is None


def test_a_tensor_that_is_cut_is_made_again_of_its_part(tmp_path: Path) -> None:
    from torch.distributed.device_mesh import init_device_mesh  # noqa: PLC0415  (much of torch)
    from torch.distributed.tensor import DTensor, Partial, Replicate, Shard, distribute_tensor  # noqa: PLC0415

    with joined(f"file://{tmp_path}/meeting", rank=0, num_ranks=1, device=CPU):
        mesh = init_device_mesh("cpu", (1,))
        for placement in (Shard(1), Replicate()):
            cut = distribute_tensor(torch.randn(3, 5), mesh, [placement])
            found: Any = as_cut(local(cut).clone(), how_cut(cut), mesh_of([torch.ones(1), cut]))
            assert (found.placements, found.shape, found.stride()) == (cut.placements, cut.shape, cut.stride())
            assert torch.equal(found.full_tensor(), cut.full_tensor())
            local(cut).zero_()
            assert not cut.full_tensor().any(), "it shares its memory"
        mesh._device_type = "cuda"  # of parts that are offloaded
        assert local(as_cut(torch.ones(3), {"dims": [0], "shape": [3], "stride": [1]}, mesh)).tolist() == [1.0] * 3
        mesh._device_type = "cpu"
        with pytest.raises(Unsupported, match="lies on the ranks as"):
            how_cut(DTensor.from_local(torch.ones(2), mesh, [Partial()]))
