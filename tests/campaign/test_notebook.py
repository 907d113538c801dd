"""Progress in a real kernel."""

from __future__ import annotations

import nbformat
from nbclient import NotebookClient

CELLS = """
from bench.campaign.notebook import NotebookDisplay
from bench.experiment.spec import RunSpec, parse_strategy
from bench.protocol import Progress, Request

with NotebookDisplay(1) as display:
    for number in range(100):
        display.say(f"line {number} <b>")
    request = Request(spec=RunSpec(strategy=parse_strategy("full")))
    display.begin(request)
    for done in range(20_000):
        display.message(request, Progress(done=done, total=20_000, loss=0.5))
"""


def test_it_is_one_output_that_does_not_grow() -> None:
    cell = nbformat.v4.new_code_cell(CELLS)
    notebook = nbformat.v4.new_notebook(cells=[cell])
    client = NotebookClient(notebook, timeout=120, kernel_name="python3")
    client.execute()
    (output,) = cell["outputs"]
    assert output["output_type"] == "display_data"
    lines = output["data"]["text/plain"].splitlines()
    assert lines == [f"line {number} <b>" for number in range(60, 100)]
    assert "&lt;b&gt;" in output["data"]["text/html"]
