from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
from multiprocessing.util import get_temp_dir
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.executors.socket_directory import socket_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

KILLED = """
import os, signal
from pathlib import Path
from bench.executors.ranks import meeting_of
from bench.executors.socket_directory import socket_directory
with socket_directory(), meeting_of(2) as meeting:
    Path(meeting.removeprefix("file://")).touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory of temporary files with a short name, as sockets need it."""
    with tempfile.TemporaryDirectory() as name:
        monkeypatch.setattr(tempfile, "tempdir", name)
        yield Path(name)


def test_it_is_where_sockets_go_and_is_gone_afterwards(place: Path) -> None:
    with socket_directory():
        (path,) = place.iterdir()
        assert get_temp_dir() == str(path)
    assert list(place.iterdir()) == []


def test_one_in_use_is_left_alone_and_one_of_a_process_that_was_killed_is_removed(place: Path) -> None:
    environ = os.environ | {"TMPDIR": str(place)}
    assert subprocess.run([sys.executable, "-c", KILLED], env=environ, check=False).returncode == -9
    (left,) = place.iterdir()
    assert len([*left.glob("*/meeting")]) == 1
    (place / "bench-run-file").touch()
    with socket_directory():
        assert not left.exists()
        (used,) = (path for path in place.iterdir() if path.is_dir())
        with socket_directory():
            assert used.is_dir()
    assert [path.name for path in place.iterdir()] == ["bench-run-file"]


def test_where_a_name_would_be_too_long_for_a_socket_it_has_another_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    with socket_directory(), socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{get_temp_dir()}/listener-12345678")
    assert list(deep.iterdir()) == []
