from __future__ import annotations

import io
import re

import pytest
from rich.console import Console
from rich.table import Table

from bench.inert import inert, line

COMMANDS = ("error", "warning", "notice", "group", "add-mask", "set-output name=a", "stop-commands", "Error")


@pytest.mark.parametrize("command", COMMANDS)
def test_no_width_of_a_terminal_puts_a_command_at_the_start_of_a_line(command: str) -> None:
    name = f"/models/some-name::{command}::you are owned by ::{command}::it"
    for width in range(4, 60):
        console = Console(file=io.StringIO(), width=width, color_system=None)
        table = Table(box=None)
        table.add_column(overflow="fold")
        table.add_row(line(name))
        console.print(table, line(name), line(name, "red"))
        assert isinstance(console.file, io.StringIO)
        assert not re.search(rf"(?im)^\s*::{command}", console.file.getvalue())


def test_the_name_of_a_test_of_pytest_stays_what_it_is() -> None:
    name = "tests/test_errors.py::TestError::test_group[a-b]"
    assert inert(name) == name
