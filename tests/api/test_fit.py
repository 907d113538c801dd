from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import bench
from bench.errors import UsageError
from bench.forecasting import here
from tests.one_layer import save_one_layer

if TYPE_CHECKING:
    from pathlib import Path


def test_it_finds_the_largest_micro_batch_without_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(here.host_memory, "available_bytes", lambda: 0)
    found = bench.fit(["freeze"], model=save_one_layer(tmp_path / "model"), lengths=8, batch_size=4, device="cpu")
    assert isinstance(found, bench.Fitting)
    assert found.rows["freeze"].num_rows == 0
    assert found.table.loc["freeze", "smallest_card"] == "t4-16gb"


def test_a_wrong_option_is_told_in_keywords() -> None:
    with pytest.raises(UsageError, match=r"lengths="):
        bench.fit("full", lengths="many")
    with pytest.raises(UsageError, match="Did you mean batch_size"):
        bench.fit("full", batch_sise=3)
    with pytest.raises(UsageError, match="micro_batch_size= is what"):
        bench.fit("full", micro_batch_size=3)
