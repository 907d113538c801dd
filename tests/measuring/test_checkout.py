from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from bench.measuring.checkout import git_state

if TYPE_CHECKING:
    from pathlib import Path


def git(root: Path, *command: str) -> str:
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
    return subprocess.check_output(["git", "-C", str(root), *who, *command], text=True).strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-qm", "one")
    return tmp_path


def test_a_clean_checkout_has_a_commit(checkout: Path) -> None:
    assert git_state(checkout) == (git(checkout, "rev-parse", "HEAD"), False)


def test_an_edited_file_and_a_new_one_make_it_dirty(checkout: Path) -> None:
    commit = git(checkout, "rev-parse", "HEAD")
    (checkout / "new").write_text("two")
    assert git_state(checkout) == (commit, True)

    (checkout / "new").unlink()
    (checkout / "file").write_text("two")
    assert git_state(checkout) == (commit, True)


def test_a_directory_inside_somebody_elses_checkout_is_none_itself(checkout: Path) -> None:
    (checkout / "venv").mkdir()

    assert git_state(checkout / "venv") == (None, None)


def test_a_hook_of_another_repository_does_not_mislead(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", str(checkout / "elsewhere"))

    assert git_state(checkout)[1] is False


def test_a_checkout_that_git_cannot_read_is_unknown(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()

    assert git_state(tmp_path) == (None, None)
