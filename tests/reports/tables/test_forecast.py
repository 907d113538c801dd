"""What was forecast beside what was measured: every number is worked out here by hand."""

import pytest

from bench.analysis.comparison import compare
from bench.analysis.words.numbers import MINUS, NOT_MEASURED
from bench.records.forecast import Forecast, ForecastMemory
from bench.records.readings import MemoryParts
from reports import render
from reports.tables.columns import groups
from reports.tables.forecast import forecast_columns, forecast_notes, forecast_results

MIB = 2**20


def told(**more):
    memory = ForecastMemory(
        weights_bytes=300 * MIB,
        gradients_bytes=0,
        optimizer_bytes=200 * MIB,
        activations_bytes=250 * MIB,
        temporaries_bytes=50 * MIB,
    )
    fields = {"memory": memory, "overhead_bytes": (100 * MIB, 200 * MIB), "seconds": (8.0, 50.0)} | more
    return Forecast(device="this CPU", num_params=9, num_trainable_params=3, **fields)


@pytest.fixture
def ran(make_record):
    """A run that took 1000 MiB, of which 800 were forecast as tensors; a fresh one for each change of its forecast."""

    def ran(name="full", *, memory=1000 * MIB, **more):
        record = make_record(name, memory=memory, forecast=told(**more))
        parts = MemoryParts(
            source="host",
            before_bytes=0,
            weights_bytes=300 * MIB,
            gradients_bytes=100 * MIB,
            optimizer_bytes=200 * MIB,
            rest_bytes=400 * MIB,
            total_bytes=1000 * MIB,
        )
        kept = record.measured.memory.model_copy(update={"parts": parts})
        measured = record.measured.model_copy(update={"memory": kept, "train_seconds": 20.0})
        return record.model_copy(update={"measured": measured})

    return ran


def cells(record):
    comparison = compare([record])
    return {column.title: column.cell(comparison.results[0]) for column in forecast_columns(comparison)}


def test_an_error_is_that_of_the_middle_with_those_of_both_ends(ran):
    found = cells(ran())
    assert (
        found["peak, forecast"].value == "900 MiB to 1e+03 MiB"
        or found["peak, forecast"].value == "900 MiB to 0.977 GiB"
    )
    assert found["error of the peak"].value == f"{MINUS}5.1%"  # the root of 900 x 1000, over 1000
    assert found["error of the peak"].bounds == f"{MINUS}10.0% to +0.0%"
    assert found["error of the peak"].against == ""
    assert found["time, forecast"].value == "8 s to 50 s"
    assert found["error of the time"].value == "+0.0%"  # the root of 8 x 50
    assert found["error of the time"].bounds == f"{MINUS}60.0% to +150.0%"


@pytest.mark.parametrize(("memory", "beyond"), [(899, True), (901, False), (1001, True)])
def test_what_lies_outside_is_said(ran, memory, beyond):
    assert (cells(ran(memory=memory * MIB))["error of the peak"].against == "beyond the forecast") == beyond


def test_parts_stand_beside_those_that_were_measured_and_the_heap_is_named(ran):
    found = cells(ran())
    assert (found["gradients"].value, found["gradients"].against) == ("0 B", "measured 100 MiB")
    assert (found["weights"].value, found["weights"].against) == ("300 MiB", "measured 300 MiB")
    assert found["activations, temporary"].value == "300 MiB"
    assert found["heap"].value == "100 MiB to 200 MiB"
    assert found["heap"].against == "measured 200 MiB, 20.0% of the peak"
    (note,) = (note for note in forecast_notes(compare([ran()])) if "heap" in note)
    assert note.endswith("by this forecast 20.0% of the growth here.")


def test_a_time_that_nobody_could_tell_has_no_column_and_the_note_says_why(ran):
    assert not any("time" in title for title in cells(ran(seconds=None)))
    assert any("bench doctor" in note for note in forecast_notes(compare([ran(seconds=None)])))
    assert not any("bench doctor" in note for note in forecast_notes(compare([ran()])))


def test_what_was_never_run_has_its_forecast_and_dashes(make_record, ran):
    comparison = compare([ran(), make_record("big", status="skipped", reason="the forecast: ...", forecast=told())])
    (_, big) = forecast_results(comparison)
    found = {column.title: column.cell(big) for column in forecast_columns(comparison)}
    assert found["peak, measured"].value == found["error of the peak"].value == NOT_MEASURED
    assert found["peak, forecast"].value != NOT_MEASURED
    assert found["heap"].against == ""


def test_what_is_unproven_and_what_has_no_forecast_is_said(make_record, ran):
    records = [ran(unproven=("all of it",)), make_record("odd", why_no_forecast="it has no shape.")]
    notes = forecast_notes(compare(records))
    assert "Unproven: all of it." in notes
    assert "No forecast of odd: it has no shape." in notes


def test_the_page_has_the_table_once_and_where_nothing_was_forecast_none(make_record, ran):
    page = render([compare([ran(), make_record("freeze", step=0.5)])], "html")
    assert page.count("<summary>Forecast beside measurement</summary>") == 1
    assert "error of the peak" in page
    assert "Forecast beside measurement" not in render([compare([make_record()])], "html")
    columns = groups(compare([ran()]))
    assert not any("forecast" in column.title for group in columns.values() for column in group)


def test_the_tables_of_data_have_it(make_record, ran):
    comparison = compare([ran(), make_record("freeze", step=0.5)])
    written = render([comparison], "csv").splitlines()
    assert any('"forecast_memory_error"' in line for line in written)
    assert sum('"forecast_' in line for line in written) == 6, "of the one strategy that was forecast"
