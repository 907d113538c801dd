"""What is true of every command."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.cli import app

if TYPE_CHECKING:
    from collections.abc import Callable


def test_the_console_script_imports_next_to_nothing_before_it_starts() -> None:
    code = "import sys; import bench.__main__; print(*sorted(name for name in sys.modules if name.startswith('bench')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["bench", "bench.__main__", "bench.ending", "bench.errors", "bench.inert"]
    project = tomllib.loads(Path(__file__).parents[2].joinpath("pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"bench": "bench.__main__:main"}


def test_help_imports_no_torch() -> None:
    code = "import sys; from bench.cli import app; app.run(['--help']); assert not {'torch', 'pandas', 'datasets'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"compare\s+Train", done.stdout)


def test_no_command_at_all_is_answered_with_the_help(bench: Callable[..., tuple[int, str, str]]) -> None:
    code, _, errors = bench()
    assert code == 2
    assert "compare" in errors
    assert len(errors.splitlines()) > 5


@pytest.mark.parametrize(
    "words", ["", "compare", "report", "export", "gate", "doctor", "list", "baseline", "baseline save", "baseline show"]
)
def test_every_help_has_an_example(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run([*words.split(), "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert f"Example: bench {words}".rstrip() in text


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["--version"]) == 0
    assert re.fullmatch(r"bench \d+\.\d+\.\d+\n", capsys.readouterr().out)


def test_a_wrong_choice_names_the_nearest_in_one_line(bench: Callable[..., tuple[int, str, str]]) -> None:
    code, _, said = bench("export", "x", "--strategy", "full", "--to", "llamafactry")
    assert code == 2
    assert said == (
        "bench: Invalid value for '--to': 'llamafactry' is not one of 'trainer', 'llamafactory'. Did you mean llamafactory?\n"
    )


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_ctrl_c_is_one_line_whatever_it_comes_in_between(
    bench: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch, wrapped: bool
) -> None:
    class Name:
        def __set_name__(self, _owner: type, _name: str) -> None:
            raise KeyboardInterrupt

    def run() -> int:
        if wrapped:
            type("Owner", (), {"name": Name()})
        raise KeyboardInterrupt

    monkeypatch.setattr(app, "run", run)
    assert bench("doctor") == (130, "", "bench: interrupted\n")
