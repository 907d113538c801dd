from __future__ import annotations

import pytest
import torch

from bench.errors import Unsupported
from bench.training.parallel.group import Group, joined
from bench.training.parallel.single import Single
from bench.training.passes.cut import cut
from tests.applied import CPU, applied
from tests.training.parallel.ranks import SPLIT


def test_one_process_keeps_its_parameters() -> None:
    param = torch.nn.Parameter(torch.ones(2))
    params, changed = {"a": param}, {param: True}
    found = cut(Single(), torch.nn.Linear(1, 1), layers={}, params=params, is_rewritten=changed, resolved=None)  # type: ignore[arg-type]
    assert found == (params, changed)
    assert found[0] is params


def test_what_is_cut_is_found_again_by_its_name(tmp_path: object) -> None:
    with joined(f"file://{tmp_path}/meeting", rank=0, num_ranks=1, device=CPU) as group:
        prepared = applied("pissa+shard", split=SPLIT, group=group)
        of_model = {id(param) for param in prepared.model.parameters()}
        assert all(id(param) in of_model for param in prepared.params.values())
        assert set(prepared.rewritten) <= set(prepared.params.values())
        assert prepared.rewritten
        assert all(hasattr(param, "full_tensor") for param in prepared.trained)
        assert {name for name, param in prepared.params.items() if param.requires_grad} == prepared.resolved.trained


@pytest.mark.parametrize(
    ("strategy", "says"),
    [
        ("full+seen_embeddings", "seen_embeddings splits a table"),
        ("full+ema", "averages of the weights"),
        ("gradual+pure_bf16", "summed in bf16"),
        ("freeze+frozen:weights=nf4", "weights in nf4 are not cut"),
        ("prompt_tuning", "a prompt that learns"),
        ("full+compile", "compiled layers"),
    ],
)
def test_what_would_be_wrong_in_parts_is_refused_in_words(strategy: str, says: str) -> None:
    with pytest.raises(Unsupported, match=says):
        applied(f"{strategy}+shard", split=SPLIT, group=Group(0, 2, CPU))


def test_one_process_has_nobody_to_share_with() -> None:
    with pytest.raises(Unsupported, match="give --nproc 2 or more"):
        applied("full+shard", split=SPLIT)
