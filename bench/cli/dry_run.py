"""`bench compare --dry-run`: the runs, and what would be read for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from bench.campaign.announcement import matrix_table, to_do_once, tuning_in_words
from bench.campaign.preflight import with_own_rate
from bench.campaign.progress import Display
from bench.experiment.tuning import RateSearch
from bench.workload.data.dataset import load_data
from bench.workload.presets import is_hub_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.experiment.spec import RunSpec

__all__ = ["show_request"]


def show_request(specs: Sequence[RunSpec], tune: str | None) -> None:
    """Print how rates are searched for and the matrix of runs, then what would be read, where nothing has to be fetched or converted for it."""
    console = Console()
    if tune is not None:
        told = tuning_in_words(RateSearch.parse(tune), specs, with_own_rate(specs))
        console.print(Text(told), soft_wrap=True)
    console.print(matrix_table(specs))
    console.file.flush()  # before what follows on stderr
    display, workload = Display(Console(stderr=True), 0), specs[0].workload
    hub = [name for name in (workload.model, workload.dataset) if is_hub_id(name) and not Path(name).exists()]
    if first := [*to_do_once(workload), *(f"{name} to look up on the Hub" for name in hub)]:
        display.say(f"what is read will be shown before the first run; it takes {', '.join(first)}")
        return
    display.data(load_data(workload).summary)
