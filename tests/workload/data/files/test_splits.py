from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from bench.experiment.spec import WorkloadSpec
from bench.workload.data.files.splits import local_files
from bench.workload.data.source import source_of
from tests.workload.data.files.conftest import table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from bench.workload.rows import Rows

    Read = Callable[..., tuple[Rows, Rows | None]]
    Write = Callable[..., Path]
    Refused = Callable[..., str]


def names(files: Iterable[Path]) -> list[str]:
    return [file.name for file in files]


@pytest.mark.parametrize(
    "layout",
    [
        ("data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet", "data/test-00000-of-00001.parquet"),
        ("train-00000-of-00002.parquet", "train-00001-of-00002.parquet", "test.parquet"),
        ("default/train-00000-of-00002.parquet", "default/train-00001-of-00002.parquet", "default/test.parquet"),
        ("train/0000.parquet", "train/0001.parquet", "test/0000.parquet"),
        ("default/train/0000.parquet", "default/train/0001.parquet", "default/test/0000.parquet"),
        ("data/train/a.parquet", "data/train/year=2020/b.parquet", "data/test/c.parquet"),
        (
            "data/train-00000-of-00002-a09b74b3ef9c3b56.parquet",
            "data/train-00001-of-00002-0123456789abcdef.parquet",
            "data/test-00000-of-00001-fedcba9876543210.parquet",
        ),
        ("train_1_of_2.parquet", "train_2_of_2.parquet", "test_1_of_1.parquet"),
    ],
)
def test_the_parts_of_a_split_are_one_split(layout: tuple[str, ...], parquet: Callable[..., Path], read: Read) -> None:
    folder = parquet(*layout)
    (folder / "README.md").write_text("---\nconfigs: []\n---\n")
    train, evaluation = read(folder)
    assert train.texts == ["film 0 0", "film 0 1", "film 1 0", "film 1 1"]
    assert train.labels == ["neg", "pos", "neg", "pos"]
    assert evaluation
    assert evaluation.texts == ["film 2 0", "film 2 1"]


@pytest.mark.parametrize(
    ("layout", "told"),
    [
        (("train-00001-of-00003.parquet",), "2 of the 3 parts of train are missing, the first is number 0"),
        (("data/train-00000-of-00002.parquet", "data/test.parquet"), "1 of the 2 parts of train are missing"),
        (("train/data-00000-of-00002.parquet",), "1 of the 2 parts of data are missing, the first is number 1"),
        (("train.parquet", "train-00000-of-00001.parquet"), "train-00000-of-00001.parquet and train.parquet for one"),
        (("train.parquet", "data/train.parquet"), "data/train.parquet and train.parquet for one split"),
        (("train.parquet", "train/a.parquet"), "train/a.parquet and train.parquet for one split"),
        (("train-0-of-2.parquet", "train-1-of-2.parquet", "train-0-of-3.parquet"), "for one split; keep one of them"),
        (("train/train.parquet", "train/test.parquet"), "it is test by its name and train by its folder"),
        (("train-0.parquet", "train-1.parquet"), "only train-0, train-1; .* parts of one split belong into one folder"),
        (("train.parquet", "train_2.parquet"), "has splits train and train_2; parts of one split belong into one"),
        (("a/train.parquet", "b/train.parquet"), "it holds several data sets, a, b; name one with --subset"),
        ((), "holds no split; name its files train.csv"),
    ],
)
def test_a_folder_that_is_not_whole_is_refused(
    layout: tuple[str, ...], told: str, parquet: Callable[..., Path], refused: Refused, tmp_path: Path
) -> None:
    (tmp_path / "set").mkdir()
    assert re.search(told, refused(parquet(*layout)))


def test_a_split_that_was_named_may_stand_beside_one_like_it(parquet: Callable[..., Path], read: Read) -> None:
    folder = parquet("train.parquet", "train_2.parquet")
    assert read(folder, train_split="train_2")[0].texts == ["film 1 0", "film 1 1"]


def test_one_part_of_several_is_no_data_set(parquet: Callable[..., Path], refused: Refused, read: Read) -> None:
    folder = parquet("train-00000-of-00002.parquet", "train-00001-of-00002.parquet", "all-00000-of-00001.parquet")
    assert "one of the 2 parts of a split; give the folder" in refused(folder / "train-00000-of-00002.parquet")
    assert len(read(folder / "all-00000-of-00001.parquet")[0].texts) == 2


def test_a_snapshot_of_the_hub_is_made_of_links(
    parquet: Callable[..., Path], read: Read, refused: Refused, tmp_path: Path
) -> None:
    folder = parquet("data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet")
    (tmp_path / "blobs").mkdir()
    (folder / "dataset_infos.json").write_text("{}")
    (folder / ".cache").mkdir()
    shutil.copy(folder / "data/train-00000-of-00002.parquet", folder / ".cache/test.parquet")
    for number, file in enumerate(sorted((folder / "data").iterdir())):
        file.rename(tmp_path / "blobs" / str(number))
        file.symlink_to(tmp_path / "blobs" / str(number))
    train, evaluation = read(folder)
    assert len(train.texts) == 4
    assert evaluation is None
    (tmp_path / "blobs/1").unlink()
    assert "it is a link that leads nowhere" in refused(folder)


def test_all_files_that_are_read_tell_a_data_set(parquet: Callable[..., Path]) -> None:
    folder = parquet("train-00000-of-00002.parquet", "train-00001-of-00002.parquet", "test.parquet", "rest.parquet")
    spec = WorkloadSpec(dataset=str(folder))
    seen = [source_of(spec).fingerprint]
    for name in ("train-00001-of-00002", "train-00000-of-00002", "test"):
        table(7).to_parquet(folder / f"{name}.parquet")
        seen.append(source_of(spec).fingerprint)
    assert len(set(seen)) == 4
    table(7).to_parquet(folder / "rest.parquet")
    assert source_of(spec).fingerprint == seen[-1]


def test_parts_must_have_the_columns_of_the_first(write: Write, refused: Refused, read: Read, tmp_path: Path) -> None:
    write("set/train/1.csv", "text,label\na,1\n")
    write("set/train/2.csv", "label,other,text\n0,x,b\n")
    assert read(tmp_path / "set")[0].texts == ["a", "b"]
    write("set/train/3.csv", "body,label\nc,1\n")
    told = refused(tmp_path / "set")
    assert "3.csv" in told
    assert "it has no column text, as the other files of its split do" in told


def test_notes_of_all_parts_are_counted_together(write: Write, read: Read, tmp_path: Path) -> None:
    write("set/train/1.csv", 'text;label\n"a\nb";1\n')
    write("set/train/2.csv", 'text;label\n"c\nd";0\n"e\nf";0\n')
    assert read(tmp_path / "set")[0].notes == ("separated by semicolons", "rows with line breaks inside quotes: 3")


def test_nothing_local_is_no_split() -> None:
    assert local_files("owner/name") == {}
    assert local_files("~nobody-of-this-name/x") == {}
