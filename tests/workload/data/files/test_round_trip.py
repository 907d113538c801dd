"""Any table is read back as it was written, or refused in one line: never as another."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import datasets  # type: ignore[import-untyped]
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bench.errors import DataError
from bench.experiment.spec import WorkloadSpec
from bench.workload.data.source import source_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Table = list[tuple[str, str]]
    Write = Callable[[Path, Table], Path]

AWKWARD = "\",;|\t\n\r\\'= \u2028\x0b\xe9\u20ac\U0001f600#aNA01"
"""What separates, quotes, ends lines, needs more than a byte, or looks like something else."""
TEXT = st.text(st.one_of(st.sampled_from(AWKWARD), st.characters(exclude_categories=["Cs"])), max_size=12)
LABEL = st.sampled_from(["0", "1", "pos", "neg", "", '"', "a,b", "c;d", "e\tf", "g\nh", "NA"])
TABLES = st.lists(st.tuples(TEXT, LABEL), min_size=1, max_size=6)


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    datasets.disable_progress_bars()
    yield
    datasets.enable_progress_bars()


def read(path: Path, **options: Any) -> Table | None:
    """Read a table; None where it is refused, which takes one line."""
    try:
        rows, _ = source_of(WorkloadSpec(dataset=str(path), **options)).read()
    except DataError as error:
        told = str(error)
    else:
        return [(str(text), str(label)) for text, label in zip(rows.texts, rows.labels, strict=True)]
    assert "\n" not in told
    assert str(path) in told
    return None


def written(suffix: str, data: bytes, **options: Any) -> Table | None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"data{suffix}"
        path.write_bytes(data)
        return read(path, **options)


def separated(rows: Sequence[Sequence[str]], **dialect: Any) -> str:
    file = io.StringIO(newline="")
    csv.writer(file, **dialect).writerows(rows)
    return file.getvalue()


@given(
    table=TABLES,
    dialect=st.fixed_dictionaries(
        {
            "delimiter": st.sampled_from(",;|\t"),
            "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
            "lineterminator": st.sampled_from(["\n", "\r\n", "\r"]),
        }
    ),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    suffix=st.sampled_from([".csv", ".tsv", ".csv.gz"]),
)
@settings(max_examples=150, deadline=None)
@example([('"', "0")], {"delimiter": "\t"}, "utf-8", ".tsv")
@example([("a", "0"), ('b"\nc,1\n"d', "0")], {}, "utf-8", ".csv")
def test_standard_csv_is_read_back_or_refused(
    table: Table, dialect: dict[str, Any], encoding: str, suffix: str
) -> None:
    text = separated([("text", "label"), *table], **dialect)
    data = text.encode(encoding)
    packed = gzip.compress(data) if suffix.endswith(".gz") else data
    found = written(suffix, packed)
    assert found in (table, None)
    forced = written(suffix, packed, quoting="standard")
    assert forced in (table, None)
    # Of the two characters that can end a line, the csv module may quote only the one that does.
    end = dialect.get("lineterminator", "\r\n")
    if "\0" not in text and (len(end) > 1 or {"\r": "\n", "\n": "\r"}[end] not in text):
        assert forced == table
        assert found == table or '"' in text


@given(table=TABLES)
@settings(max_examples=100, deadline=None)
def test_tabs_without_quoting_are_read_back_or_refused(table: Table) -> None:
    plain = [(text.translate({9: " ", 10: " ", 13: " "}), label.translate({9: "", 10: ""})) for text, label in table]
    kept = [(text, label) for text, label in plain if text or label]
    data = "".join(f"{text}\t{label}\n" for text, label in [("text", "label"), *kept]).encode()
    assert written(".tsv", data) in (kept, None)
    if b"\0" not in data:
        assert written(".tsv", data, quoting="none") == kept


@given(table=TABLES)
@settings(max_examples=60, deadline=None)
def test_backslashes_are_read_back_on_request(table: Table) -> None:
    text = separated([("text", "label"), *table], quoting=csv.QUOTE_ALL, escapechar="\\", doublequote=False)
    found = written(".csv", text.encode(), quoting="backslash")
    assert found == (None if "\0" in text else table)
    assert written(".csv", text.encode()) in (table, None) or "\\" in text


@given(table=TABLES, is_ascii=st.booleans(), form=st.sampled_from(["lines", "list", "indented", "after another"]))
@settings(max_examples=100, deadline=None)
def test_json_is_read_back(table: Table, is_ascii: bool, form: str) -> None:
    rows = [{"text": text, "label": label} for text, label in table]
    dump: Callable[..., str] = lambda value, **how: json.dumps(value, ensure_ascii=is_ascii, **how)  # noqa: E731
    text = {
        "lines": lambda: "\n".join(map(dump, rows)),
        "list": lambda: dump(rows),
        "indented": lambda: dump(rows, indent=2),
        "after another": lambda: "".join(dump(row, indent=1) for row in rows),
    }[form]()
    for suffix in (".json", ".jsonl"):
        assert written(suffix, text.encode()) == table


def by_pandas(folder: Path, table: Table) -> Path:
    pd.DataFrame(table, columns=["text", "label"]).to_parquet(folder / "data.parquet")
    return folder / "data.parquet"


def by_datasets(folder: Path, table: Table) -> Path:
    rows(table).save_to_disk(folder / "saved")
    return folder / "saved"


def as_csv_of_datasets(folder: Path, table: Table) -> Path:
    rows(table).to_csv(folder / "data.csv")
    return folder / "data.csv"


def as_json_of_datasets(folder: Path, table: Table) -> Path:
    rows(table).to_json(folder / "data.jsonl")
    return folder / "data.jsonl"


def as_csv_of_pandas(folder: Path, table: Table) -> Path:
    pd.DataFrame(table, columns=["text", "label"]).to_csv(folder / "data.csv", index=False)
    return folder / "data.csv"


def rows(table: Table) -> datasets.Dataset:
    texts, labels = zip(*table, strict=True)
    return datasets.Dataset.from_dict({"text": texts, "label": labels})


@pytest.mark.parametrize("write", [by_pandas, by_datasets, as_json_of_datasets, as_csv_of_datasets, as_csv_of_pandas])
def test_what_libraries_write_is_read_back(write: Write) -> None:
    @given(table=TABLES)
    @settings(max_examples=25, deadline=None)
    def check(table: Table) -> None:
        with tempfile.TemporaryDirectory() as folder:
            found = read(write(Path(folder), table))
            assert found == table or ("csv" in write.__name__ and found is None)

    check()
