from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import bench
from bench.errors import UsageError
from bench.workload.toy import save_tiny_llama

if TYPE_CHECKING:
    from pathlib import Path


def test_it_finds_the_largest_micro_batch_without_weights(tmp_path: Path) -> None:
    model = save_tiny_llama(tmp_path / "model")
    for file in model.glob("*.safetensors"):
        file.unlink()
    found = bench.fit(["freeze"], model=model, lengths=8, batch_size=4, device="l4-24gb")
    assert isinstance(found, bench.Fitting)
    assert found.rows["freeze"].num_rows == 4096
    assert found.table.loc["freeze", "num_passes"] == 1


def test_a_wrong_option_is_told_in_keywords() -> None:
    with pytest.raises(UsageError, match=r"lengths="):
        bench.fit("full", lengths="many")
    with pytest.raises(UsageError, match="Did you mean batch_size"):
        bench.fit("full", batch_sise=3)
    with pytest.raises(UsageError, match="micro_batch_size= is what"):
        bench.fit("full", micro_batch_size=3)
