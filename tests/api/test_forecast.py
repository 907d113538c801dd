from __future__ import annotations

from pathlib import Path

import pytest

import bench
from bench.errors import UsageError
from bench.workload.toy import save_tiny_llama


def test_it_tells_what_each_strategy_takes_and_why_another_cannot_be_told(tmp_path: Path) -> None:
    model = save_tiny_llama(tmp_path / "model")
    for file in Path(model).glob("*.safetensors"):
        file.unlink()
    found = bench.forecast(
        ["freeze", "seen_embeddings"], model=model, lengths=8, batch_size=4, device="l4-24gb", price=3600
    )
    assert list(found.rows) == ["freeze"]
    assert found.rows["freeze"].memory.peak_bytes > found.rows["freeze"].memory.weights_bytes > 0
    assert found.cost == found.seconds is not None
    assert "depends on the words" in found.refused["seen_embeddings"]


def test_a_wrong_option_is_told_in_keywords() -> None:
    with pytest.raises(UsageError, match=r"lengths="):
        bench.forecast("full", lengths="many")
    with pytest.raises(UsageError, match="Did you mean batch_size"):
        bench.forecast("full", batch_sise=3)
