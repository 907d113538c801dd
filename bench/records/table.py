"""Records as one tidy table: a row per run, the failed ones too, and a column per fact."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
from pyarrow import csv

from bench.records.extract import values_of
from bench.records.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from bench.records.record import RunRecord

__all__ = ["COLUMNS", "to_csv", "to_parquet", "to_table", "typed"]

_COUNTS = {name for name, metric in METRICS.items() if metric.unit in {"bytes", "parameters", "steps", "processes"}}

COLUMNS: dict[str, str] = {
    **dict.fromkeys(("strategy", "model", "dataset"), "string"),
    "seed": "Int64",
    **dict.fromkeys(
        ("device", "device_name", "host", "way", "status", "phase", "reason", "flags", "changes"), "string"
    ),
    **{name: "Int64" if name in _COUNTS else "Float64" for name in METRICS},
    "majority_accuracy": "Float64",
    **dict.fromkeys(("num_eval_samples", "num_labels", "batch_size", "micro_batch_size", "epochs", "steps"), "Int64"),
    **dict.fromkeys(("lr", "wall_seconds", "truncated_share", "steal_share", "others_share"), "Float64"),
    **dict.fromkeys(("max_length", "num_steps", "num_warmup_steps", "num_samples", "num_tokens"), "Int64"),
    **dict.fromkeys(("num_padded_tokens", "num_train_rows", "num_dropped_rows", "num_dropped_duplicates"), "Int64"),
    **dict.fromkeys(("compute_dtype", "weights_dtype", "memory_method", "data_digest", "config_hash"), "string"),
    "started_at": "datetime64[us, UTC]",
}
"""Every column and its type; all types hold missing values."""

_TYPES = {
    "string": pa.string(),
    "Int64": pa.int64(),
    "Float64": pa.float64(),
    "boolean": pa.bool_(),
    "datetime64[us, UTC]": pa.timestamp("us", "UTC"),
}
_NULLABLE = {
    pa.int64(): pd.Int64Dtype(),
    pa.float64(): pd.Float64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
    pa.string(): pd.StringDtype(),
}

_FROM_SPEC = ("seed", "device", "batch_size", "epochs", "steps", "lr")
_FROM_MEASURED = (
    *("num_labels", "num_steps", "num_warmup_steps", "num_samples", "num_tokens", "num_padded_tokens"),
    *("num_train_rows", "num_dropped_rows", "num_dropped_duplicates", "truncated_share"),
    *("compute_dtype", "weights_dtype", "data_digest"),
)


def to_table(records: Iterable[RunRecord]) -> pd.DataFrame:
    """Put every run in a row, in the order given, with the columns and types of COLUMNS."""
    return typed(map(_row, records), COLUMNS)


def typed(rows: Iterable[Mapping[str, object]], columns: Mapping[str, str]) -> pd.DataFrame:
    """Make a table of rows, in which what is missing is missing; `columns` are names and types, in order."""
    schema = pa.schema([(name, _TYPES[dtype]) for name, dtype in columns.items()])
    table: pd.DataFrame = pa.Table.from_pylist(list(rows), schema=schema).to_pandas(types_mapper=_NULLABLE.get)
    return table


def to_csv(table: pd.DataFrame) -> str:
    """Write a table as CSV whose text no spreadsheet takes for a formula: it gets a leading apostrophe.

    Text stands in quotes, numbers do not, and what is missing is empty.
    """
    texts = {name: _disarm(table[name]) for name in table.columns if table[name].dtype == "string"}
    written = io.BytesIO()
    csv.write_csv(pa.Table.from_pandas(table.assign(**texts), preserve_index=False), written)
    return written.getvalue().decode()


def to_parquet(table: pd.DataFrame) -> bytes:
    """Write a table as a Parquet file."""
    written = io.BytesIO()
    table.to_parquet(written, index=False)
    return written.getvalue()


def _row(record: RunRecord) -> dict[str, object]:
    spec, measured, environment = record.spec, record.measured, record.environment
    memory = measured.memory if measured else record.memory
    return {
        **{name: getattr(spec, name) for name in _FROM_SPEC},
        **values_of(record),
        **({name: getattr(measured, name) for name in _FROM_MEASURED} if measured else {}),
        "strategy": spec.name,
        "model": spec.workload.model,
        "dataset": spec.workload.dataset,
        "max_length": spec.workload.max_length,
        "micro_batch_size": record.micro_batch_size or spec.micro_batch_size,
        "device_name": environment and environment.device_name,
        "host": record.host,
        "way": spec.way,
        "status": record.status,
        "phase": record.phase,
        "reason": record.reason,
        "flags": "; ".join(flag.code for flag in record.flags),
        "changes": "; ".join(f"{field}: {words}" for field, words in record.changes.items()),
        "majority_accuracy": measured and measured.evaluation.majority_accuracy,
        "num_eval_samples": measured and measured.evaluation.num_samples,
        "memory_method": memory and memory.method,
        "steal_share": measured and measured.host and measured.host.steal_share,
        "others_share": measured and measured.host and measured.host.others_share,
        "config_hash": environment and environment.config_hash,
        "started_at": record.started_at,
        "wall_seconds": record.wall_seconds,
    }


_FORMULA = r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
"""How text begins that a spreadsheet may take for a formula: some take full-width signs for the plain ones."""


def _disarm(texts: pd.Series[str]) -> pd.Series[str]:
    return texts.mask(texts.str.match(_FORMULA).fillna(value=False), "'" + texts)
