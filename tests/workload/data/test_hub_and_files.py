from __future__ import annotations

from typing import TYPE_CHECKING

import datasets  # type: ignore[import-untyped]
import pytest

from bench.errors import DataError, UnknownName

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.workload.data.dataset import Data

    Load = Callable[..., Data]
    WriteCsv = Callable[..., Path]
    Reviews = list[tuple[str, str]]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Let owner/name of the Hub be a local folder of splits."""
    folder = tmp_path / "hub"
    folder.mkdir()
    load_dataset = datasets.load_dataset
    monkeypatch.setattr(
        datasets,
        "load_dataset",
        lambda _, *name: load_dataset(str(folder), *name, cache_dir=str(tmp_path / "hub-cache")),
    )
    return folder


def test_a_data_set_of_the_hub_has_named_classes(load: Load, hub: Path, reviews: Reviews) -> None:
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["good", "bad"])}
    )
    columns = {
        "text": [text for text, _ in reviews] + ["a", "b"],
        "label": [int(label == "bad") for _, label in reviews] + [-1, None],
    }
    datasets.Dataset.from_dict(columns, features=features).to_parquet(hub / "train.parquet")
    data = load("owner/name")
    assert data.label_names == ("bad", "good")
    assert data.num_dropped_rows == 2
    assert data.digest == load("owner/name").digest
    with pytest.raises(UnknownName, match="unknown split of owner/name 'tests'"):
        load("owner/name", eval_split="tests")


def test_a_data_set_of_the_hub_has_its_own_evaluation_split(load: Load, hub: Path, reviews: Reviews) -> None:
    for split, rows in (("train", reviews), ("test", [("not a film", "bad")])):
        columns = dict(zip(("text", "label"), zip(*rows, strict=True), strict=True))
        datasets.Dataset.from_dict(columns).to_parquet(hub / f"{split}.parquet")
    assert len(load("owner/name").evaluation) == 1


def test_a_subset_and_a_pair_of_a_data_set_of_the_hub(
    load: Load, hub: Path, reviews: Reviews, write_csv: WriteCsv
) -> None:
    for name in ("one", "other"):
        rows = [(f"{text} {'plot' if name == 'one' else 'dull'}", text, label) for text, label in reviews]
        columns = dict(zip(("premise", "hypothesis", "label"), zip(*rows, strict=True), strict=True))
        datasets.Dataset.from_dict(columns).to_parquet(hub / f"{name}.parquet")
    (hub / "README.md").write_text(
        "---\nconfigs:\n- config_name: one\n  data_files: one.parquet\n- config_name: other\n  data_files: other.parquet\n---\n"
    )
    with pytest.raises(DataError, match=r"it holds several data sets, \['one', 'other'\]; name one with --subset"):
        load("owner/name", text_column="premise,hypothesis")
    data = load("owner/name", subset="other", text_column="premise,hypothesis")
    local = write_csv(rows, columns=("premise", "hypothesis", "label"))
    assert data.digest == load(local, text_column="premise,hypothesis").digest
    assert data.digest != load("owner/name", subset="one", text_column="premise,hypothesis").digest


def test_without_the_hub_the_message_is_one_line(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    with pytest.raises(DataError, match="cannot read data set owner/name of the Hub") as caught:
        load("owner/name")
    assert "\n" not in str(caught.value)
