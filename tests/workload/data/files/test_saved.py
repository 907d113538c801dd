from __future__ import annotations

from typing import TYPE_CHECKING

import datasets  # type: ignore[import-untyped]

from tests.workload.data.files.conftest import table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.workload.rows import Rows

    Read = Callable[..., tuple[Rows, Rows | None]]
    Write = Callable[..., Path]
    Refused = Callable[..., str]


CARD = """---
license: mit
configs:
- config_name: reviews
  data_files:
  - split: train
    path: [first/*.parquet, second.parquet]
  - split: test
    path: held.parquet
- config_name: other
  data_files: other-*.parquet
- config_name: folder
  data_dir: deep
---
Hello
"""


def test_a_subset_is_named_where_there_are_several(parquet: Callable[..., Path], read: Read, refused: Refused) -> None:
    folder = parquet("a/train.parquet", "b/train.parquet", "b/test.parquet")
    train, evaluation = read(folder, subset="b")
    assert train.texts == ["film 1 0", "film 1 1"]
    assert evaluation
    assert "Did you mean b?" in refused(folder, subset="bb")
    assert "There is no subset" in refused(parquet("train.parquet", folder="plain"), subset="a")
    assert "holds one data set; leave --subset out" in refused(folder / "a/train.parquet", subset="a")
    lone = parquet("a/train.parquet", folder="lone")
    assert read(lone)[0].texts == ["film 0 0", "film 0 1"]


def test_a_card_says_which_files_are_which_split(parquet: Callable[..., Path], read: Read, refused: Refused) -> None:
    files = ("first/x.parquet", "second.parquet", "held.parquet", "other-0-of-2.parquet", "other-1-of-2.parquet")
    folder = parquet(*files, "deep/train.parquet")
    (folder / "README.md").write_text(CARD)
    train, evaluation = read(folder, subset="reviews")
    assert train.texts == ["film 0 0", "film 0 1", "film 1 0", "film 1 1"]
    assert evaluation
    assert evaluation.texts == ["film 2 0", "film 2 1"]
    assert len(read(folder, subset="other")[0].texts) == 4
    assert read(folder, subset="folder")[0].texts == ["film 5 0", "film 5 1"]
    assert "holds several data sets, reviews, other, folder; name one with --subset" in refused(folder)
    (folder / "README.md").write_text(CARD.replace("config_name: other", "config_name: other\n  default: true"))
    assert len(read(folder)[0].texts) == 4
    (folder / "held.parquet").unlink()
    assert "its card names held.parquet, which is no data file here" in refused(folder, subset="reviews")
    (folder / "other-1-of-2.parquet").unlink()
    assert "1 of the 2 parts of other are missing" in refused(folder)
    (folder / "README.md").write_text("---\nconfigs:\n- [\n---\n")
    assert "mend the card, or remove it" in refused(folder)


def test_what_datasets_saves_is_read(tmp_path: Path, read: Read, refused: Refused) -> None:
    rows = table(0, 6)
    rows.select([5, 1, 2]).save_to_disk(tmp_path / "one", num_shards=2)
    datasets.DatasetDict(train=rows, validation=table(1)).save_to_disk(
        tmp_path / "both", num_shards={"train": 3, "validation": 1}
    )
    train, _ = read(tmp_path / "one")
    assert train.texts == ["film 0 5", "film 0 1", "film 0 2"]
    assert train.labels == ["pos", "pos", "neg"]
    table(9).save_to_disk(tmp_path / "other")
    (tmp_path / "other/data-00000-of-00001.arrow").rename(tmp_path / "both/train/cache-0123.arrow")  # as map leaves it
    train, evaluation = read(tmp_path / "both")
    assert train.texts == [f"film 0 {row}" for row in range(6)]
    assert evaluation
    assert evaluation.texts == ["film 1 0", "film 1 1"]
    (tmp_path / "both/dataset_dict.json").unlink()
    assert read(tmp_path / "both")[0].texts == train.texts
    (tmp_path / "both/train/data-00001-of-00003.arrow").unlink()
    assert "data-00001-of-00003.arrow is missing; save the data set again" in refused(tmp_path / "both")
    (tmp_path / "one/state.json").write_text("{")
    assert "damaged; save the data set again" in refused(tmp_path / "one")
