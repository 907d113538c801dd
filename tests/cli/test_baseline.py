from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_files_become_a_baseline_as_they_are(
    bench: Callable[..., tuple[int, str, str]],
    make_benchmark_files: Callable[..., tuple[list[Path], list[Path]]],
    tmp_path: Path,
) -> None:
    files, _ = make_benchmark_files()
    code, told, _ = bench("baseline", "save", tmp_path / "november.json", "--from", *files)
    assert code == 0
    assert f"baseline: {tmp_path / 'november.json'}" in told
    code, shown, _ = bench("baseline", "show", tmp_path / "november.json")
    assert code == 0
    assert shown.strip()


@pytest.mark.parametrize("more", [("--side", "x"), ("--steps", "3"), ("--python", "python3")])
def test_files_take_no_word_on_how_something_is_measured(
    more: tuple[str, ...], bench: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    code, _, errors = bench("baseline", "save", tmp_path / "november.json", "--from", "x.json", *more)
    assert code == 2
    assert "--from: files are recorded as they are" in errors
