import io

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import csv

from bench.experiment.bounds import LENIENT
from bench.records.extract import values_of
from bench.records.metrics import METRICS
from bench.records.record import Flag, Memory
from bench.records.table import COLUMNS, to_csv, to_parquet, to_table, typed


def test_every_metric_has_a_value_or_none(make_record):
    assert set(values_of(make_record())) == set(METRICS)
    assert set(values_of(make_record(status="failed"))) == set(METRICS)


def test_values_come_from_the_steady_part_of_the_run(make_record):
    values = values_of(make_record(step=2.0, memory=1234))
    assert values["step_seconds_median"] == pytest.approx(2.0, rel=0.1)
    assert values["training_memory_bytes"] == 1234
    assert values["host_peak_bytes"] > 1234, "the whole process"
    assert values["nvml_delta_bytes"] is None
    assert values["eval_seconds"] == 4.5
    assert values["eval_samples_per_second"] == 256 / 4.5
    assert (values["merged_eval_samples_per_second"], values["deploy_bytes"]) == (None, None)


def test_a_run_of_warm_up_steps_alone_has_no_median(make_record):
    assert values_of(make_record(num_steps=2))["step_seconds_median"] is None


def test_the_table_has_a_row_per_run_and_typed_columns(records):
    table = to_table(records)
    assert len(table) == len(records)
    assert {name: str(dtype) for name, dtype in table.dtypes.items()} == {
        name: "string" if dtype == "string" else dtype for name, dtype in COLUMNS.items()
    }
    assert list(table.strategy.unique()) == ["full", "freeze", "freeze:last=2+amp", "llrd:decay=0.8", "full+wide"]
    assert table.loc[table.strategy == "freeze:last=2+amp", "flags"].iloc[0] == "truncated-inputs"
    assert table.loc[table.strategy == "freeze", "changes"].iloc[0] == "phases: only score trains"
    assert table.num_eval_samples.dropna().unique().tolist() == [256]


def test_a_failed_run_keeps_its_row_and_its_memory(records):
    row = to_table(records).query("status == 'oom'").iloc[0]
    assert row.training_memory_bytes == 7_900_000_000
    assert row.reason == "cannot allocate 512 MiB at step 0"
    assert row.accuracy is pd.NA
    assert row.num_steps is pd.NA


def test_no_records_make_an_empty_table():
    assert to_table([]).empty
    assert list(to_table([])) == list(COLUMNS)


def test_a_spreadsheet_takes_no_text_for_a_formula(make_record):
    flagged = make_record(
        "=1+1",
        flags=(Flag.model_validate({"code": "@x", "message": "m"}, context=LENIENT),),
        reason="-cmd|' /C calc'!A0",
    )
    lines = to_csv(to_table([flagged, make_record("a=b")])).splitlines()
    assert lines[1].startswith('"\'=1+1",')
    assert ",\"'-cmd|" in lines[1]
    assert ',"\'@x",' in lines[1]
    assert lines[2].startswith('"a=b",')
    assert to_table([make_record("=1+1")]).strategy.item() == "=1+1"


@pytest.mark.parametrize(
    "begins", ["=", "+", "-", "@", "\t", "\r", "\n", "\r\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"]
)
def test_no_beginning_of_a_formula_is_left(begins, make_record):
    record = make_record().model_copy(update={"status": "failed", "reason": f"{begins}1+1"})
    assert f'"\'{begins}1+1"' in to_csv(to_table([record]))


def test_a_negative_number_is_no_formula(make_record):
    record = make_record(status="failed").model_copy(update={"memory": Memory.model_construct(nvml_delta_bytes=-5)})
    assert ",-5," in to_csv(to_table([record]))


def _read_back(text, table):
    types = pa.Schema.from_pandas(table, preserve_index=False)
    options = csv.ConvertOptions(column_types=types, strings_can_be_null=True, quoted_strings_can_be_null=False)
    read = csv.read_csv(
        io.BytesIO(text.encode()), csv.ReadOptions(), csv.ParseOptions(newlines_in_values=True), options
    )
    return typed(read.to_pylist(), {name: str(dtype) for name, dtype in table.dtypes.items()})


def test_both_files_hold_the_table(records):
    table = to_table(records)
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(to_parquet(table))), table)
    pd.testing.assert_frame_equal(_read_back(to_csv(table), table), table, check_exact=True)
    assert pd.read_csv(io.StringIO(to_csv(table))).accuracy.tolist()[:2] == table.accuracy.tolist()[:2]
    assert (to_parquet(to_table(records)), to_csv(to_table(records))) == (to_parquet(table), to_csv(table))


@given(st.floats(allow_nan=False, allow_infinity=False), st.text(st.characters(codec="utf-8")).map("x".__add__))
def test_csv_loses_no_digit_and_no_letter(number, text):
    columns = {"number": "Float64", "text": "string", "missing": "string", "empty": "string"}
    table = typed([{"number": number, "text": text, "empty": ""}], columns)
    pd.testing.assert_frame_equal(_read_back(to_csv(table), table), table, check_exact=True)
