"""What is going on, on stderr: a live display in a terminal, a line per event elsewhere (in a notebook see `notebook`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

from bench import protocol
from bench.analysis.quality import ACCURACY
from bench.analysis.words.data import in_brief
from bench.inert import line
from bench.records.metrics import METRICS, format_bytes, format_seconds

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console
    from rich.progress import Task, TaskID
    from rich.text import Text

    from bench.analysis.quality import Quality
    from bench.campaign.campaign import Mode
    from bench.experiment.spec import RunSpec
    from bench.records.data_summary import DataSummary
    from bench.records.record import RunRecord

__all__ = ["Display"]

_DRAWINGS_PER_SECOND = 1
"""Each takes 2 to 3 ms of a core that trains."""

_DOING = {
    "fetch": "preparing",
    "load": "loading",
    "train": "training",
    "evaluate": "evaluating",
    "probe": "looking closer",
    "save": "saving",
}
"""Each phase in a word; the first one fetches, converts and tokenises what is not in the cache."""


class Display:
    """Shows one comparison; a context manager."""

    def __init__(self, console: Console, num_runs: int, quality: Quality = ACCURACY) -> None:
        """Write to `console`, which must be stderr's; `num_runs` are to be done, and what is told of each is its `quality`."""
        self._quality = quality
        self._console = console
        self._tells_ok = not console.is_terminal
        self._num_runs = num_runs
        self._run = 0
        self._progress = Progress(
            _Words(),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[detail]}", markup=False),
            TimeRemainingColumn(compact=True),
            console=console,
            transient=True,
            refresh_per_second=_DRAWINGS_PER_SECOND,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None
        self._title = self._name = ""
        self._mode: Mode = "prepare"

    def __enter__(self) -> Self:
        """Take over the terminal."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Give the terminal back."""
        self._progress.stop()

    def begin(self, mode: Mode, spec: RunSpec) -> None:
        """Open a line for the process that begins."""
        self._mode, self._name = mode, spec.name
        if mode == "run":
            self._run += 1
        self._title = {
            "prepare": f"{spec.workload.model}, {spec.workload.dataset}",
            "fit": f"micro-batch of {spec.name}",
            "trial": f"trial of {spec.name}{f', {spec.steps} steps' if spec.steps else ''}",
            "dry": f"dry step of {spec.name}",
            "run": f"run {self._run} of {self._num_runs}: {spec.name}, seed {spec.seed}",
        }[mode]
        self._task = self._progress.add_task(self._title, total=None, detail="")

    def message(self, message: protocol.Message) -> None:
        """Move the line of the present process on."""
        match message:
            case protocol.Stage(name=name):
                self._update(description=f"{self._title}: {_DOING[name]}", completed=0, total=None, detail="")
            case protocol.DataRead(data=data):
                self.data(data)
            case protocol.Planned(cache_bytes=int(size)) if self._mode == "dry":
                self.say(f"{self._name} stores {format_bytes(size)} of the output of its frozen layers")
            case protocol.Said(text=text):
                self.say(f"{self._title}: {text}")
            case protocol.Progress(done=done, total=total, unit="bytes"):
                self._update(completed=done, total=total, detail=f"{format_bytes(done)} of {format_bytes(total)}")
            case protocol.Progress(done=done, total=total, loss=loss, samples_per_second=rate):
                parts = [] if loss is None else [f"loss {loss:.3f}"]
                parts += [] if rate is None else [f"{METRICS['samples_per_second'].format(rate)} samples/s"]
                self._update(completed=done, total=total, detail=", ".join(parts))

    def end(self, record: RunRecord) -> None:
        """Close the line of the present process, and leave a sentence where it matters."""
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None
        if record.status != "ok":
            self.say(f"{self._title}: {record.status}: {record.reason}", style="red")
        elif record.measured is not None:
            seen = record.measured
            self.say(
                f"{self._title}: {format_seconds(seen.train_seconds)} of training, "
                f"{METRICS['samples_per_second'].format(seen.samples_per_second)} samples/s, "
                f"{self._quality.word} {METRICS[self._quality.metric].format(getattr(seen.evaluation, self._quality.metric))}"
            )
        elif self._tells_ok:
            self.say(f"{self._title}: ok")

    def estimate(self, seconds: float, num_runs: int) -> None:
        """Say how long it will take, now that every strategy took one step."""
        if num_runs:  # none, where no strategy could take its first step
            self.say(f"{num_runs} run{'' if num_runs == 1 else 's'} will take about {format_seconds(seconds)}")

    def more(self, num_runs: int) -> None:
        """Count further runs, that were not known when it began."""
        self._num_runs += num_runs

    def data(self, summary: DataSummary) -> None:
        """Show what was read, before any number."""
        for about, said in in_brief(summary):
            self.say(f"{about}: {said}", style="yellow" if about == "look out" else "")

    def say(self, text: str, style: str = "") -> None:
        """Print one line above the live display."""
        self._console.print(line(text, style), soft_wrap=True)

    def _update(self, **changes: Any) -> None:
        if self._task is not None:
            self._progress.update(self._task, **changes)


class _Words(ProgressColumn):
    """The description of a task, whatever brackets the names in it hold."""

    def render(self, task: Task) -> Text:
        return line(task.description)
