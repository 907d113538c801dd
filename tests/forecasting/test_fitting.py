from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from bench.errors import UsageError
from bench.experiment.settings import Settings
from bench.forecasting import here
from bench.forecasting.cards import card_of
from bench.forecasting.fitting import Fitting, fitting
from bench.forecasting.micro_batch import Measured, MicroBatch
from tests.forecasting.test_micro_batch import forecast
from tests.one_layer import save_one_layer

if TYPE_CHECKING:
    from pathlib import Path

GIB = 2**30
SOME = MicroBatch(num_rows=3, forecast=forecast(30), beyond=forecast(40))
NONE = MicroBatch(num_rows=0, forecast=forecast(60), beyond=None)
TOLD = Fitting(card=card_of("a100-40gb"), batch_size=8, rows={"some": SOME, "none": NONE})


def test_each_strategy_has_its_own_and_what_cannot_be_told_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the CPU of this machine, of which what is free is filled."""
    monkeypatch.setattr(here.host_memory, "available_bytes", lambda: here.PROCESS_BYTES + 1)
    model = str(save_one_layer(tmp_path / "model"))
    found = fitting(Settings(model=model, strategies="freeze,seen_embeddings", micro_batch_size=3), 8, "cpu")
    assert list(found.rows) == ["freeze"]
    assert found.rows["freeze"].num_rows == 0
    assert "depends on the words" in found.refused["seen_embeddings"]
    assert found.card.memory_bytes == 1
    assert found.card.source.startswith("what is free of it now")
    with pytest.raises(UsageError, match="last"):
        fitting(Settings(model=model, strategies="freeze:last=9"), 8, "t4-16gb")


def test_of_several_processes_the_part_of_one_is_fitted_into_its_part_of_what_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = str(save_one_layer(tmp_path / "model"))
    asked = Settings(model=model, strategies="full,full+shard", batch_size=9, num_processes=2)
    monkeypatch.setattr(here.host_memory, "available_bytes", lambda: 2 * (here.PROCESS_BYTES + 51 * 2**20))
    found = fitting(asked, 8, "cpu")
    assert (found.batch_size, found.card.memory_bytes) == (5, 51 * 2**20)
    assert "by the 2 processes" in found.card.source
    whole, part = (found.rows[name] for name in ("full", "full+shard"))
    assert 0 < whole.num_rows <= part.num_rows, "in parts there is room for more"
    assert whole.beyond is not None
    assert whole.forecast.peak_bytes[1] <= 51 * 2**20 < whole.beyond.peak_bytes[1]


def test_all_of_it_is_json_and_a_table() -> None:
    read = json.loads(json.dumps(TOLD.as_json()))
    assert read["card_memory_bytes"] == card_of("a100-40gb").memory_bytes
    assert read["strategies"]["some"]["micro_batch_size"] == 3
    assert read["strategies"]["some"]["peak_bytes"] == [30 * GIB, 31 * GIB]
    assert read["strategies"]["none"]["micro_batch_size"] is None
    assert read["strategies"]["none"]["smallest_card"] == "a100-80gb"
    assert read["strategies"]["none"]["measured"] is None
    table = TOLD.table
    assert list(table.index) == ["some", "none"]
    assert table.loc["some", "num_passes"] == 3
    assert table["micro_batch_size"].isna().tolist() == [False, True]
    assert table.loc["none", "peak_bytes"] == 61 * GIB
    assert "measured_peak_bytes" not in table
    assert "<table" in TOLD._repr_html_()


def test_what_was_measured_stands_beside_it() -> None:
    measured = Measured(peaks={3: 50, 4: None}, memory_bytes=64)
    beside = replace(TOLD, measured={"some": measured, "none": replace(measured, peaks={}, why_none="no room")})
    assert beside.table.loc["some", "measured_micro_batch_size"] == 3
    assert beside.table["measured_peak_bytes"].isna().tolist() == [False, True]
    read = json.loads(json.dumps(beside.as_json()))["strategies"]
    assert read["some"]["measured"]["peak_bytes"] == 50
    assert [run["peak_bytes"] for run in read["some"]["measured"]["runs"]] == [50, None]
    assert read["none"]["measured"]["why_none"] == "no room"
