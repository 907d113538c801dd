from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.cache import build_once, cache_dir
from bench.errors import AssetError

if TYPE_CHECKING:
    from pathlib import Path


def test_the_cache_is_the_users_unless_a_variable_names_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path / "cache"))
    assert cache_dir() == tmp_path / "cache"
    monkeypatch.delenv("BENCH_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_dir().name == "finetune-bench"


def test_a_folder_is_built_once(tmp_path: Path) -> None:
    calls = []

    def build(folder: Path) -> None:
        calls.append(folder)
        (folder / "file").write_text("here")

    folder = tmp_path / "a" / "b"
    assert build_once(folder, build) == build_once(folder, build) == folder
    assert (folder / "file").read_text() == "here"
    assert len(calls) == 1
    assert {path.name for path in folder.parent.iterdir()} == {"b", "b.lock"}


def test_a_failed_build_leaves_no_folder(tmp_path: Path) -> None:
    def build(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise FileNotFoundError(2, "gone")

    with pytest.raises(FileNotFoundError):
        build_once(tmp_path / "a" / "b", build)
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.lock"]


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AssetError, match=r"cannot write to the cache .*file.*BENCH_CACHE_DIR"):
        build_once(tmp_path / "file" / "folder" / "entry", lambda _: None)
