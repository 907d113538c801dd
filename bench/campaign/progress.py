"""What is going on, on stderr: a live display in a terminal, a line per event elsewhere (in a notebook see `notebook`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

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
    from bench.experiment.spec import RunSpec
    from bench.protocol import Request
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
        self._shown: dict[RunSpec, _Shown] = {}

    def __enter__(self) -> Self:
        """Take over the terminal."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Give the terminal back."""
        self._progress.stop()

    def begin(self, request: Request) -> None:
        """Open a line for the process that begins."""
        spec, mode = request.spec, "trial" if request.validation and request.mode == "run" else request.mode
        if mode == "run":
            self._run += 1
        title = {
            "prepare": f"{spec.workload.model}, {spec.workload.dataset}",
            "fit": f"micro-batch of {spec.name}",
            "trial": f"trial of {spec.name}{f', {spec.steps} steps' if spec.steps else ''}",
            "dry": f"dry step of {spec.name}",
            "run": f"run {self._run} of {self._num_runs}: {spec.name}, seed {spec.seed}",
        }[mode]
        self._shown[spec] = _Shown(title, self._progress.add_task(title, total=None, detail=""))

    def message(self, request: Request, message: protocol.Message) -> None:
        """Move the line of a process on."""
        shown = self._shown[request.spec]
        match message:
            case protocol.Stage(name=name):
                doing = f"{shown.title}: {_DOING[name]}"
                self._update(shown.task, description=doing, completed=0, total=None, detail="")
            case protocol.DataRead(data=data):
                self.data(data)
            case protocol.Planned(cache_bytes=int(size)) if request.mode == "dry":
                self.say(f"{request.spec.name} stores {format_bytes(size)} of the output of its frozen layers")
            case protocol.Said(text=text):
                self.say(f"{shown.title}: {text}")
            case protocol.Progress(done=done, total=total, unit="bytes"):
                said = f"{format_bytes(done)} of {format_bytes(total)}"
                self._update(shown.task, completed=done, total=total, detail=said)
            case protocol.Progress(done=done, total=total, loss=loss, samples_per_second=rate):
                parts = [] if loss is None else [f"loss {loss:.3f}"]
                parts += [] if rate is None else [f"{METRICS['samples_per_second'].format(rate)} samples/s"]
                self._update(shown.task, completed=done, total=total, detail=", ".join(parts))

    def end(self, record: RunRecord) -> None:
        """Close the line of a process, and leave a sentence where it matters."""
        shown = self._shown.pop(record.spec)
        self._progress.remove_task(shown.task)
        if record.status != "ok":
            self.say(f"{shown.title}: {record.status}: {record.reason}", style="red")
        elif record.measured is not None:
            seen = record.measured
            self.say(
                f"{shown.title}: {format_seconds(seen.train_seconds)} of training, "
                f"{METRICS['samples_per_second'].format(seen.samples_per_second)} samples/s, "
                f"{self._quality.word} {METRICS[self._quality.metric].format(getattr(seen.evaluation, self._quality.metric))}"
            )
        elif self._tells_ok:
            self.say(f"{shown.title}: ok")

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

    def _update(self, task: TaskID, **changes: Any) -> None:
        self._progress.update(task, **changes)


class _Shown(NamedTuple):
    """The line of a process."""

    title: str
    task: TaskID


class _Words(ProgressColumn):
    """The description of a task, whatever brackets the names in it hold."""

    def render(self, task: Task) -> Text:
        return line(task.description)
