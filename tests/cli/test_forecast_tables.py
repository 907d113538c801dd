from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from bench.cli.forecast_tables import show_fitting
from bench.forecasting.cards import card_of
from bench.forecasting.fitting import Fitting
from bench.forecasting.micro_batch import Measured, MicroBatch
from bench.records.forecast import Forecast, ForecastMemory

if TYPE_CHECKING:
    from collections.abc import Mapping

GIB = 2**30


def forecast(gib: float) -> Forecast:
    parts = dict.fromkeys(("gradients_bytes", "optimizer_bytes", "activations_bytes", "temporaries_bytes"), 0)
    memory = ForecastMemory(weights_bytes=round(gib * GIB), **parts)
    return Forecast(
        device="x", num_params=1, num_trainable_params=1, memory=memory, overhead_bytes=(0, GIB), unproven=("a doubt",)
    )


SOME = MicroBatch(num_rows=10, forecast=forecast(30), beyond=forecast(40))
MANY = MicroBatch(num_rows=4096, forecast=forecast(3), beyond=None)
NONE = MicroBatch(num_rows=0, forecast=forecast(60), beyond=None)


def shown(rows: Mapping[str, MicroBatch], measured: Mapping[str, Measured] | None = None) -> list[str]:
    found = Fitting(
        card=card_of("a100-40gb"), batch_size=16, rows=rows, measured=measured or {}, refused={"odd": "why"}
    )
    file = io.StringIO()
    show_fitting(found, Console(file=file, width=200))
    return file.getvalue().splitlines()


def test_what_fits_has_rows_peak_one_row_more_and_passes() -> None:
    head, some, many, _, odd, card, rule, doubt = shown({"some": SOME, "many": MANY})
    assert head.split() == ["strategy", "micro-batch", "peak", "GiB", "one", "row", "more", "passes", "for", "16"]
    assert some.split() == ["some", "10", "30.0", "to", "31.0", "40.0", "to", "41.0", "2"]
    assert many.split() == ["many", "4,096", "or", "more", "3.00", "to", "4.00", "\N{EN DASH}", "1"]
    assert odd == "odd: why"
    assert card.startswith("a100-40gb: 39.")
    assert rule.startswith("A micro-batch fits")
    assert doubt == "unproven: a doubt"


def test_what_does_not_fit_has_the_smallest_card_that_would() -> None:
    head, some, none, *_, said, _ = shown({"some": SOME, "none": NONE})
    assert head.rstrip().endswith("smallest card")
    assert some.split()[-1] == "\N{EN DASH}"
    assert none.split() == [
        "none",
        "does",
        "not",
        "fit",
        "60.0",
        "to",
        "61.0",
        "\N{EN DASH}",
        "\N{EN DASH}",
        "a100-80gb",
    ]
    assert said.startswith("Where not even one row fits")


@pytest.mark.parametrize(
    ("peaks", "cells"), [({10: 29 * GIB, 11: None}, ["10", "29.0"]), ({}, ["\N{EN DASH}", "\N{EN DASH}"])]
)
def test_what_was_measured_stands_beside_it(peaks: Mapping[int, int | None], cells: list[str]) -> None:
    measured = Measured(peaks=peaks, memory_bytes=38 * GIB)
    head, some, *_ = shown({"some": SOME}, {"some": measured})
    assert head.split()[-2:] == ["measured", "GiB"]
    assert some.split()[-2:] == cells
    assert "some: no room" in shown({"some": SOME}, {"some": replace(measured, why_none="no room")})
