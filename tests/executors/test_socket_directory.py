from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from multiprocessing.util import get_temp_dir
from typing import TYPE_CHECKING

import pytest

from bench.executors.socket_directory import socket_directory

if TYPE_CHECKING:
    from pathlib import Path

KILLED = """
import os, signal
from bench.executors.socket_directory import socket_directory
with socket_directory():
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_it_is_where_sockets_go_and_is_gone_afterwards(tmp_path: Path) -> None:
    with socket_directory():
        (path,) = tmp_path.iterdir()
        assert get_temp_dir() == str(path)
    assert list(tmp_path.iterdir()) == []


def test_one_in_use_is_left_alone_and_one_of_a_process_that_was_killed_is_removed(tmp_path: Path) -> None:
    environ = os.environ | {"TMPDIR": str(tmp_path)}
    assert subprocess.run([sys.executable, "-c", KILLED], env=environ, check=False).returncode == -9
    (left,) = tmp_path.iterdir()
    (tmp_path / "bench-run-file").touch()
    with socket_directory():
        assert not left.exists()
        (used,) = (path for path in tmp_path.iterdir() if path.is_dir())
        with socket_directory():
            assert used.is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["bench-run-file"]
