from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bench.errors import UsageError
from bench.forecasting import here
from bench.forecasting.fitting import Fitting, fitting
from bench.forecasting.micro_batch import Measured, MicroBatch
from tests.forecasting.test_micro_batch import CARD, asked, model, peaks

__all__ = ["model"]

KIB = 2**10


def test_each_strategy_has_its_own_and_what_cannot_be_told_its_reason(model: str) -> None:
    found = fitting(asked(model, strategies="full,freeze,seen_embeddings"), 8, "t4-16gb")
    assert list(found.rows) == ["full", "freeze"]
    assert all(one.num_rows == 4096 and one.beyond is None for one in found.rows.values())
    assert "depends on the words" in found.refused["seen_embeddings"]


def test_a_cpu_here_is_filled_as_far_as_it_is_free(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = asked(model)
    _, (*_, last) = peaks(settings, here.this_card("cpu", only_known=True))
    room = last.peak_bytes[1]
    monkeypatch.setattr(here.host_memory, "available_bytes", lambda: here.PROCESS_BYTES + room)
    found = fitting(settings, 8, "cpu")
    assert found.card.memory_bytes == room
    assert found.card.source.startswith("what is free of it now")
    assert found.rows["full"].num_rows == 12


def test_a_composition_that_is_none_is_refused(model: str) -> None:
    with pytest.raises(UsageError, match="last"):
        fitting(asked(model, strategies="freeze:last=9"), 8, "t4-16gb")


@pytest.fixture(scope="module")
def told(model: str) -> Fitting:
    """What fits 8 rows, and what fits none."""
    _, forecasts = peaks(asked(model))
    some = MicroBatch(num_rows=3, forecast=forecasts[2], beyond=forecasts[3])
    none = MicroBatch(num_rows=0, forecast=forecasts[0], beyond=None)
    return Fitting(card=replace(CARD, memory_bytes=64 * KIB), batch_size=8, rows={"some": some, "none": none})


def test_all_of_it_is_json_and_a_table(told: Fitting) -> None:
    read = json.loads(json.dumps(told.as_json()))
    some, none = told.rows.values()
    assert read["card_memory_bytes"] == 64 * KIB
    assert read["strategies"]["some"]["micro_batch_size"] == 3
    assert read["strategies"]["some"]["peak_bytes"] == list(some.forecast.peak_bytes)
    assert read["strategies"]["none"]["micro_batch_size"] is None
    assert read["strategies"]["none"]["smallest_card"] == "t4-16gb"
    assert read["strategies"]["none"]["measured"] is None
    table = told.table
    assert list(table.index) == ["some", "none"]
    assert table.loc["some", "num_passes"] == 3
    assert table["micro_batch_size"].isna().tolist() == [False, True]
    assert table.loc["none", "peak_bytes"] == none.forecast.peak_bytes[1]
    assert "measured_peak_bytes" not in table
    assert "<table" in told._repr_html_()


def test_what_was_measured_stands_beside_it(told: Fitting) -> None:
    measured = Measured(peaks={3: 50, 4: None}, memory_bytes=64 * KIB)
    beside = replace(told, measured={"some": measured, "none": replace(measured, peaks={}, why_none="no room")})
    assert beside.table.loc["some", "measured_micro_batch_size"] == 3
    assert beside.table["measured_peak_bytes"].isna().tolist() == [False, True]
    read = json.loads(json.dumps(beside.as_json()))["strategies"]
    assert read["some"]["measured"]["peak_bytes"] == 50
    assert [run["peak_bytes"] for run in read["some"]["measured"]["runs"]] == [50, None]
    assert read["none"]["measured"]["why_none"] == "no room"
