from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pyarrow as pa  # type: ignore[import-untyped]
import pytest
from pyarrow import parquet

from bench.errors import DataError, UnknownName
from bench.experiment.spec import WorkloadSpec
from bench.workload.data.dataset import Data, load_data
from bench.workload.models.load import load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Load = Callable[..., Data]
    WriteCsv = Callable[..., Path]
    Reviews = list[tuple[str, str]]


def texts(data: Data, tiny_model: Path) -> list[str]:
    tokenizer = load_tokenizer(str(tiny_model))
    return [str(tokenizer.decode(data.train.row(number))) for number in range(len(data.train))]


def test_rows_are_kept_end_to_end(load: Load, write_csv: WriteCsv, reviews: Reviews, tiny_model: Path) -> None:
    data = load(write_csv([*reviews, ("a very very good film", "good")]))
    split = data.train
    assert [array.dtype.name for array in (split.tokens, split.offsets, split.labels)] == ["int32", "int64", "int64"]
    assert len(split) + len(data.evaluation) == 41
    assert split.lengths.sum() == len(split.tokens)
    by_text = dict(zip(texts(data, tiny_model), split.labels, strict=True))
    assert data.label_names == ("bad", "good")
    assert all(label == ("good" in text) for text, label in by_text.items())
    assert data.pad_token_id == 1
    assert data.assets == {}


def test_the_first_rows_of_a_split(load: Load, write_csv: WriteCsv, reviews: Reviews) -> None:
    split = load(write_csv(reviews)).train
    first = split.first(3)
    assert len(first) == 3
    assert [first.row(number).tolist() for number in range(3)] == [split.row(number).tolist() for number in range(3)]
    assert len(split.first(1000)) == len(split)


def test_the_same_workload_gives_the_same_data(
    load: Load, write_csv: WriteCsv, reviews: Reviews, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = write_csv(reviews)
    first = load(file, train_samples=12)
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path / "another"))
    again = load(file, train_samples=12)
    assert first.digest == again.digest
    assert first.train.tokens.tolist() == again.train.tokens.tolist()
    assert load(file, train_samples=12, data_seed=1).digest != first.digest


def test_a_second_load_comes_from_the_cache_without_the_libraries(
    load: Load, write_csv: WriteCsv, reviews: Reviews, tiny_model: Path
) -> None:
    file = write_csv(reviews)
    digest = load(file).digest
    script = (
        "import sys; from bench.experiment.spec import WorkloadSpec; from bench.workload.data.dataset import load_data;"
        "data = load_data(WorkloadSpec(model=sys.argv[1], dataset=sys.argv[2], train_samples=None, eval_samples=None));"
        "print(data.digest, sorted({'torch', 'transformers', 'datasets', 'pandas'}.intersection(sys.modules)))"
    )
    command = [sys.executable, "-c", script, str(tiny_model), str(file)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == f"{digest} []\n"


def test_another_tokenizer_makes_other_data(write_csv: WriteCsv, reviews: Reviews, copy: Path) -> None:
    spec = WorkloadSpec(model=str(copy), dataset=str(write_csv(reviews)))
    first = load_data(spec)
    settings = json.loads((copy / "tokenizer.json").read_text())
    vocabulary = settings["model"]["vocab"]
    vocabulary["good"], vocabulary["bad"] = vocabulary["bad"], vocabulary["good"]
    (copy / "tokenizer.json").write_text(json.dumps(settings))
    assert load_data(spec).digest != first.digest


def test_the_rows_drawn_do_not_depend_on_the_tokenizer(
    load: Load, write_csv: WriteCsv, reviews: Reviews, tiny_gguf: Path
) -> None:
    file = write_csv(reviews)
    spec = WorkloadSpec(model=str(tiny_gguf), dataset=str(file), train_samples=9)
    assert load_data(spec).train.labels.tolist() == load(file, train_samples=9).train.labels.tolist()


@pytest.mark.parametrize("name", ["data.csv", "data.tsv", "data.jsonl", "data.parquet", "a [1] * b.csv"])
def test_every_kind_of_file_gives_the_same_rows(
    name: str, load: Load, write_csv: WriteCsv, reviews: Reviews, tmp_path: Path
) -> None:
    expected = load(write_csv(reviews, "expected.csv")).digest
    file = tmp_path / name
    if file.suffix == ".jsonl":
        file.write_text("".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in reviews))
    elif file.suffix == ".parquet":
        parquet.write_table(pa.table(dict(zip(("text", "label"), zip(*reviews, strict=True), strict=True))), file)
    else:
        write_csv(reviews, name)
    assert load(file).digest == expected


def test_a_table_of_values_is_text_as_it_stands(load: Load, write_csv: WriteCsv, tiny_model: Path) -> None:
    rows = [(word, number) for number in (1, 2) for word in ("NA", "null", 'a, "b"', f"{number}")]
    data = load(write_csv([*rows, ("film", "")], "train.csv"), eval_split=None)
    assert data.label_names == ("1", "2")
    assert data.num_dropped_rows == 1
    assert any("<unk>" in text for text in texts(data, tiny_model))  # NA and null are words


def test_columns_and_splits_are_chosen_by_name(
    load: Load, write_csv: WriteCsv, reviews: Reviews, tmp_path: Path
) -> None:
    write_csv([(1, *row) for row in reviews], "set/learn.csv", ("id", "said", "mood"))
    write_csv([(*row, 1) for row in reviews[:8]], "set/check.csv", ("said", "mood", "id"))
    options = {"text_column": "said", "label_column": "mood", "train_split": "learn", "eval_split": "check"}
    data = load(tmp_path / "set", **options)
    assert (len(data.train), len(data.evaluation), data.num_dropped_duplicates) == (32, 8, 8)
    with pytest.raises(UnknownName, match=r"column of learn\.csv 'sad'"):
        load(tmp_path / "set", **(options | {"text_column": "sad"}))


def test_a_directory_has_its_own_evaluation_split(
    load: Load, write_csv: WriteCsv, reviews: Reviews, tmp_path: Path
) -> None:
    write_csv(reviews, "set/train.csv")
    write_csv([("not a film", "bad")], "set/test.csv")
    assert len(load(tmp_path / "set").evaluation) == 1
    write_csv([("not a plot", "bad"), ("the plot", "good")], "set/validation.csv")
    assert len(load(tmp_path / "set").evaluation) == 2


@pytest.mark.parametrize("content", ["text,label\n", 'text,label\n"open,1\n', "text,label\na,1,2,3\nb,1\n"])
def test_a_broken_file_is_refused_in_one_line(content: str, load: Load, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text(content)
    with pytest.raises(DataError, match=r"data\.csv") as caught:
        load(tmp_path / "data.csv")
    assert "\n" not in str(caught.value)


def test_a_refused_workload_leaves_nothing_in_the_cache(load: Load, write_csv: WriteCsv, cache: Path) -> None:
    with pytest.raises(DataError, match="a single class"):
        load(write_csv([("a", 1), ("b", 1)]))
    assert not list((cache / "tokens").glob("*/"))


def test_a_column_without_a_name_is_passed_over(load: Load, tmp_path: Path, reviews: Reviews) -> None:
    path = tmp_path / "from_pandas.csv"
    path.write_text(
        "".join([",text,label\n", *(f"{row},{text},{label}\n" for row, (text, label) in enumerate(reviews))])
    )
    data = load(path)
    assert len(data.train) + len(data.evaluation) == len(reviews)
