"""The judgement of a gate: one object from which every output and the exit code are derived."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import ClassVar, Literal, get_args

from bench.errors import ExitCode
from bench.inert import inert
from bench.records.metrics import METRICS, Metric, format_seconds

__all__ = ["FILE_METRICS", "GATED", "SEVERITY", "Finding", "Judgement", "Side", "Verdict"]

Verdict = Literal["NEW", "REMOVED", "PASS", "IMPROVED", "WARN", "INCONCLUSIVE", "NOT_MEASURED", "FAIL"]

SEVERITY: tuple[Verdict, ...] = get_args(Verdict)
"""The verdicts by severity: several findings together have the last of theirs. A benchmark that only head has (new), or
that it may lack (removed), is not judged."""

FILE_METRICS = ("median_seconds", "mean_seconds")
"""Statistics of a benchmark of pytest-benchmark, by its names."""


def _short(seconds: float) -> str:
    """Format seconds with a unit that suits them: "85.1 ms", "12.3 µs", "850 ns"."""
    for least, unit in ((1e-3, ""), (1e-6, "µs"), (0.0, "ns")):
        if seconds >= least:
            return f"{seconds * (1e6 if unit == 'µs' else 1e9):.3g} {unit}" if unit else format_seconds(seconds)
    raise ValueError(seconds)


GATED: dict[str, Metric] = METRICS | {
    "step_seconds_mean": Metric(
        "mean step", "s", "lower", "ratio", "the inverse of throughput: sees slow single steps"
    ),
    "median_seconds": Metric("median", "s", "lower", "ratio", "middle of the rounds of a benchmark", _short),
    "mean_seconds": Metric(
        "mean", "s", "lower", "ratio", "mean of the rounds of a benchmark: sees slow single rounds", _short
    ),
    "peak_memory_bytes": Metric("peak memory", "bytes", "lower", "ratio", "as a project's own benchmarks measure it"),
    "first_losses": Metric(
        "first losses", "share", "lower", "none", "largest relative difference over the first steps", "{:.1e}".format
    ),
}
"""The metrics of findings by name: those of a comparison, and those of the gate alone."""

_STRICT: dict[str, bool] = {"use_attribute_docstrings": True, "allow_inf_nan": False}
"""How pydantic reads and describes these classes, for gate.json."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One metric of one benchmark, judged."""

    __pydantic_config__: ClassVar = _STRICT

    benchmark: str
    """The name of a strategy, of a pytest-benchmark test, or a rule as it was written."""
    metric: str
    """A name of GATED."""
    verdict: Verdict
    """The verdict."""
    reason: str
    """The reason, in one sentence."""
    base: float | None = None
    """The value of base, in the metric's unit."""
    head: float | None = None
    """The value of head, in the metric's unit."""
    change: float | None = None
    """Of head against base: 0.05 is 5 % more for a ratio, 5 points more for a share that is subtracted."""
    low: float | None = None
    """Lower bound of the change, one-sided, at the level of the interim analysis."""
    high: float | None = None
    """Upper bound of the change, likewise."""
    margin: float | None = None
    """How much worse head may be, as a change."""
    detectable: float | None = None
    """The smallest change that would be found with 80 % probability."""
    deviation: float | None = None
    """Standard deviation of a single pair on the tested scale: logarithms for a ratio."""
    num_pairs: int = 0
    """The number of pairs that the verdict is based on, without those of a rerun."""
    needs_rerun: bool = False
    """Whether it was red once, so that fresh pairs must confirm it."""
    confirmed: bool | None = None
    """Whether a fresh rerun was red as well; None where there was none."""
    pairs: tuple[tuple[float, float], ...] = ()
    """Base and head, process by process, in the metric's unit."""
    rerun_pairs: tuple[tuple[float, float], ...] = ()
    """The same for the rerun."""
    file: str | None = None
    """Where the benchmark is defined, relative to the repository."""
    line: int | None = None
    """The line in that file, from 1."""

    def __post_init__(self) -> None:
        """Make every text one line without control characters or markup, so that no output has to."""
        _make_inert(self, "benchmark", "reason", "file")

    @property
    def id(self) -> str:
        """Identifies it among all findings."""
        return f"{self.benchmark} {self.metric}"


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two sides that were compared."""

    __pydantic_config__: ClassVar = _STRICT

    name: str
    """The name that the user gave."""
    commit: str | None = None
    """The git commit, where it is known."""
    fingerprint: dict[str, str] = field(default_factory=dict)
    """Where it ran: processor, GPU, versions."""

    def __post_init__(self) -> None:
        """Make every text one inert line."""
        _make_inert(self, "name", "commit")
        machine = {inert(name): inert(value) for name, value in self.fingerprint.items()}
        object.__setattr__(self, "fingerprint", machine)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The result of one gate."""

    __pydantic_config__: ClassVar = _STRICT

    findings: tuple[Finding, ...]
    """One per benchmark and metric."""
    base: Side
    """The side that head was compared with."""
    head: Side
    """The side that was judged."""
    warnings: tuple[str, ...] = ()
    """Sentences that every output must show beside the findings."""
    head_crashed: str | None = None
    """How head ended, where it crashed."""

    def __post_init__(self) -> None:
        """Make every text one inert line."""
        _make_inert(self, "head_crashed")
        object.__setattr__(self, "warnings", tuple(map(inert, self.warnings)))

    @property
    def verdict(self) -> Verdict:
        """The most severe verdict; without findings, nothing was measured."""
        if self.head_crashed or not self.findings:
            return "NOT_MEASURED"
        return max((finding.verdict for finding in self.findings), key=SEVERITY.index)

    @property
    def counts(self) -> dict[Verdict, int]:
        """The number of findings with each verdict, the most severe first."""
        found = Counter(finding.verdict for finding in self.findings)
        return {word: found[word] for word in reversed(SEVERITY) if word in found}

    @property
    def by_severity(self) -> tuple[Finding, ...]:
        """The findings, the most severe first, otherwise in their order."""
        return tuple(sorted(self.findings, key=lambda finding: -SEVERITY.index(finding.verdict)))

    def exit_code(self, *, strict: bool = False) -> ExitCode:
        """Return the exit code of the command; inconclusive is an exit code of its own with `strict` alone."""
        if self.head_crashed:
            return ExitCode.CRASHED
        codes: dict[Verdict, ExitCode] = {"FAIL": ExitCode.FAILED, "NOT_MEASURED": ExitCode.NOT_MEASURED}
        if strict:
            codes["INCONCLUSIVE"] = ExitCode.INCONCLUSIVE
        return codes.get(self.verdict, ExitCode.OK)


def _make_inert(value: object, *names: str) -> None:
    for name in names:
        if (text := getattr(value, name)) is not None:
            object.__setattr__(value, name, inert(text))
