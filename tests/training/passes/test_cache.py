from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.errors import Unsupported

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.training.prepared import Prepared

    Prepare = Callable[..., Prepared]


@pytest.mark.parametrize("lacking", ["model.layers.1.mlp.up_proj.weight", "model.embed_tokens.weight"])
def test_frozen_layers_are_not_stored_where_the_checkpoint_lacks_a_part_of_them(
    prepared: Prepare, lacking: str
) -> None:
    with pytest.raises(Unsupported, match="the checkpoint lacks a part"):
        prepared("freeze+cached", fresh=[lacking])

    assert prepared("freeze:last=1+cached", fresh=["model.layers.3.mlp.up_proj.weight"]).cache is not None
