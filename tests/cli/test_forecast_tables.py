from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from bench.cli.forecast_tables import show, show_fitting
from bench.forecasting.cards import card_of
from bench.forecasting.fitting import Fitting
from bench.forecasting.micro_batch import Measured, MicroBatch
from bench.forecasting.money import Price
from bench.forecasting.outlook import Outlook
from bench.records.forecast import Forecast, ForecastMemory

if TYPE_CHECKING:
    from collections.abc import Mapping

GIB = 2**30


def told(gib: float, run_seconds: tuple[float, float] | None = (90, 5400)) -> Forecast:
    parts = dict.fromkeys(("gradients_bytes", "optimizer_bytes", "activations_bytes", "temporaries_bytes"), 0)
    return Forecast(
        device="x",
        num_params=3_000_000,
        num_trainable_params=1_500_000,
        memory=ForecastMemory(weights_bytes=round(gib * GIB), **parts),
        overhead_bytes=(0, GIB),
        step_flops=2.5e12,
        run_seconds=run_seconds,
        unproven=("a doubt",),
    )


def lines(found: Outlook) -> list[str]:
    file = io.StringIO()
    show(found, Console(file=file, width=200))
    return file.getvalue().splitlines()


def test_a_row_has_memory_card_time_and_cost_and_below_stand_its_parts_and_doubts() -> None:
    rows = {"some": told(10), "large": told(60, None)}
    found = Outlook(card=card_of("a100-40gb"), rows=rows, refused={"odd": "why"}, num_seeds=2, price=Price(2, "$"))
    _, some, large, _, _, parts, _, _, odd, card, all_runs, doubt = lines(found)
    cost = ["1.5", "to", "90", "min", "$0.05", "to", "$3.00"]
    assert some.split() == ["some", "1.5M", "10.0", "to", "11.0", "fits", "t4-16gb", *cost]
    assert large.split()[2:8] == ["60.0", "to", "61.0", "does", "not", "fit"]
    assert large.split()[-2:] == ["\N{EN DASH}"] * 2
    assert parts.split() == ["some", "10.0", *["0.00"] * 4, "0.00", "to", "1.00", "2.5"]
    assert odd == "odd: why"
    assert card.startswith("a100-40gb: 39.")
    assert all_runs == "All 2 runs of what fits or may fit, one after the other: 0.05 to 3 h, $0.1 to $6.00."
    assert doubt == "unproven: a doubt"


SOME = MicroBatch(num_rows=10, forecast=told(30), beyond=told(40))
MANY = MicroBatch(num_rows=4096, forecast=told(3), beyond=None)
NONE = MicroBatch(num_rows=0, forecast=told(60), beyond=None)


def shown(rows: Mapping[str, MicroBatch], measured: Mapping[str, Measured] | None = None) -> list[str]:
    found = Fitting(
        card=card_of("a100-40gb"), batch_size=16, rows=rows, measured=measured or {}, refused={"odd": "why"}
    )
    file = io.StringIO()
    show_fitting(found, Console(file=file, width=200))
    return [line.rstrip() for line in file.getvalue().splitlines()]


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
    assert head.endswith("smallest card")
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
