from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

import pytest

from bench.errors import BenchError
from bench.records.shelf import CheckpointFiles, part_of, parts_of, remove_left, shelf_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.records.record import RunRecord


def test_a_shelf_is_gone_after_its_context_and_one_that_was_left_by_the_next_writer(tmp_path: Path) -> None:
    with shelf_in(tmp_path) as shelf:
        Path(shelf, "stored").touch()
    assert list(tmp_path.iterdir()) == []
    left = Path(mkdtemp(prefix=".shelf-", dir=tmp_path))
    (left / "stored").touch()
    half, whole = tmp_path / ".one.json.0f.tmp", tmp_path / "one.json"
    for file in (half, whole):
        file.touch()
    remove_left(tmp_path)
    assert list(tmp_path.iterdir()) == [whole]


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"cannot write to .*no-such.*; make room"):
        shelf_in(tmp_path / "no-such")


def test_checkpoints_are_there_until_nobody_goes_on_from_them(
    tmp_path: Path, make_record: Callable[..., RunRecord]
) -> None:
    files = CheckpointFiles(tmp_path / "checkpoints")
    specs = [make_record(seed=seed).spec for seed in range(2)]
    files.forget(specs)
    files.folder.mkdir()
    for spec in specs:
        files.of(spec).touch()
    parts = [part_of(files.of(specs[0]), rank, 2, step) for rank in range(2) for step in (7, 12)]
    for part in parts:
        part.touch()
    assert parts_of(files.of(specs[0]), 1) == {7: parts[2], 12: parts[3]}
    assert parts_of(files.of(specs[1]), 1) == {}
    assert len(files) == 2
    files.forget(specs[:1])
    assert list(files.folder.iterdir()) == [files.of(specs[1])]
    files.forget(specs)
    assert not files.folder.exists()


def test_checkpoints_of_the_same_runs_asked_for_otherwise_are_removed_and_no_others(
    tmp_path: Path, make_record: Callable[..., RunRecord]
) -> None:
    files = CheckpointFiles(tmp_path)
    specs = [make_record(seed=seed).spec for seed in range(2)]
    shared = [spec.model_copy(update={"num_processes": 2}) for spec in specs]
    kept = {files.of(specs[0]), part_of(files.of(specs[0]), 0, 2, 7), files.of(specs[1]), tmp_path / "model-last.pt"}
    kept.add(part_of(files.of(shared[1]), 1, 2, 7))  # of a seed that is not asked for
    for file in (*kept, *(part_of(files.of(shared[0]), rank, 2, 7) for rank in range(2))):
        file.touch()
    files.forget_otherwise(specs[:1])
    assert set(tmp_path.iterdir()) == kept
