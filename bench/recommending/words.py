"""The recommendation in words: each repeats the comparison's claims and the findings, and adds none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bench.analysis.quality import MEMORY, SPEED
from bench.analysis.strategy_result import against
from bench.analysis.words.numbers import change, group, in_range, listed, margin, with_bounds, within
from bench.analysis.words.sentences import against_reference
from bench.analysis.words.settling import to_settle
from bench.recommending import quantities
from bench.records.metrics import METRICS, Metric, format_bytes, format_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.analysis.comparison import Comparison
    from bench.analysis.strategy_result import StrategyResult
    from bench.experiment.budget import Budget
    from bench.recommending.bounds import Finding
    from bench.recommending.judged import Basis, Judged
    from bench.recommending.objective import Objective

__all__ = ["Found", "finding_in_words", "headline_of", "in_words", "sentences_of"]

_RATIO = Metric("", "", "lower", "ratio", "")
_BASES: dict[Basis, str] = {"measured": "measured", "forecast": "only forecast", "not measured": "not measured"}


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that the words are about."""

    comparison: Comparison
    budget: Budget
    objective: Objective
    judged: tuple[Judged, ...]
    asked: tuple[str, ...]
    """The strategies to choose among."""
    chosen: StrategyResult | None
    runner_up: StrategyResult | None
    nearest: Judged | None

    @property
    def fitting(self) -> tuple[str, ...]:
        """Those that fit, of those asked for."""
        return tuple(one.strategy for one in self.judged if one.standing == "fits" and one.strategy in self.asked)

    @property
    def bounds(self) -> str:
        """The bounds of the budget, with its risk."""
        return in_words(self.budget, self.comparison.quality.word)


def in_words(budget: Budget, score: str) -> str:
    """Write what a budget bounds: "memory at most 16 GiB, training at most 2 h 00 min, accuracy at least 85.0%; risk 5%"."""
    parts = [] if budget.memory is None else [f"memory at most {format_bytes(budget.memory)}"]
    if budget.max_time is not None:
        rows = "" if budget.samples is None else f" on {budget.samples:,} rows"
        until = f" until {budget.min_accuracy:.1%}" if budget.maximize == "time-to-accuracy" else ""
        parts.append(f"training{rows} at most {format_seconds(budget.max_time)}{until}")
    if budget.min_accuracy is not None:
        parts.append(f"{score} at least {budget.min_accuracy:.1%}")
    return f"{', '.join(parts)}; risk {budget.risk * 100:.3g}%" if parts else "no bound"


def headline_of(found: Found) -> str:
    """Write the answer in one sentence."""
    objective, fitting = found.objective, found.fitting
    if found.chosen is None:
        return _none(found)
    name, fit = found.chosen.strategy, f"fit ({found.bounds})" if found.budget.has_bounds else "can be ranked"
    if len(fitting) == 1:
        return f"Recommended: {name}, which alone {'is shown to ' if found.budget.has_bounds else ''}{fit}."
    standings = {other: objective.standing(name, other) for other in fitting if other != name}
    of_all = f"of the {len(fitting)} that {fit}"
    if all(standing == 1 for standing in standings.values()):
        return f"Recommended: {name}, the {objective.best} {of_all}."
    told = [other for other, standing in standings.items() if standing != 1]
    return f"Recommended: {name}, {of_all}; it is not told apart in {objective.word} from {group(told)}."


def _none(found: Found) -> str:
    """Say that no strategy is shown to fit, and which may or comes nearest."""
    among = [one for one in found.judged if one.strategy in found.asked]
    if not among:
        return "Not enough data: no run was recorded."
    may = [one.strategy for one in among if one.standing == "open"]
    fit = f"fit ({found.bounds})" if found.budget.has_bounds else "be worth recommending"
    fits = f"fits ({found.bounds})" if found.budget.has_bounds else "can be recommended"
    if may:
        who = "no strategy" if len(among) == len(found.judged) else f"none of {group(found.asked)}"
        said = f"Not enough data: {who if len(among) > 1 else f'{may[0]} is not'}"
        said += f"{' is' if len(among) > 1 else ''} shown to {fit}"
        said += f"; {group(may)} may." if len(among) > 1 else ", but may."
    elif len(among) > 1:
        who = "strategies" if len(among) == len(found.judged) else "that were asked for"
        said = f"None of the {len(among)} {who} {fits}."
    else:
        said = (
            f"{among[0].strategy} does not {fit}."
            if found.budget.has_bounds
            else f"{among[0].strategy} cannot be recommended."
        )
    near = found.nearest
    if near is None or (len(among) == 1 and near.standing != "fits"):
        return said
    return f"{said} The nearest{' that does' if near.standing == 'fits' else ''} is {near.strategy}."


def sentences_of(found: Found) -> Iterator[str]:
    """Write the numbers, the runner-up, the others, and what would settle what is open."""
    named = found.chosen or (found.nearest.result if found.nearest and found.nearest.standing == "fits" else None)
    if named is not None:
        yield f"{named.strategy}: {_numbers(named, found)}."
    if found.chosen and found.runner_up:
        yield f"The runner-up is {found.runner_up.strategy}: {_apart(found.chosen, found.runner_up, found)}."
    for one in found.judged:
        if one.result not in (named, found.runner_up):
            yield _of(one, found)
    if found.chosen:
        yield from _settling(found.chosen, found)


def _of(one: Judged, found: Found) -> str:
    """Say why a strategy is not recommended, and how that is known."""
    if one.standing == "fits":
        if one.strategy not in found.asked or found.chosen is None:
            return f"{one.strategy} fits too, and was not asked for."
        return f"{one.strategy} fits too; {_apart(found.chosen, one.result, found)}."
    findings = one.beyond if one.standing == "out" else one.open
    said = [one.obstacle] if one.obstacle and (one.standing == "open" or not findings) else []
    told = "; ".join([*said, *map(finding_in_words, findings)])
    if one.standing == "out":
        return f"{one.strategy} falls out ({_BASES[one.basis]}): {told}."
    known = "" if one.basis == "measured" else f" ({_BASES[one.basis]})"
    return " ".join(part for part in (f"{one.strategy} is not settled{known}: {told}.", one.remedy) if part)


def finding_in_words(finding: Finding) -> str:
    """Write a value against its bound: "18.2 GiB (18.1 GiB to 18.3 GiB) of memory, 2.2 GiB over 16 GiB"."""
    if finding.because:
        return finding.because
    metric, interval, limit = METRICS[finding.metric], finding.interval, finding.limit
    assert interval is not None, "otherwise there is a reason"
    what = {"memory": "of memory", "max_time": "of training", "min_accuracy": metric.label}[finding.bound]
    at_least = finding.bound == "min_accuracy"
    allowed = metric.format(limit) + (f" (what a card of {metric.format(finding.card)} leaves)" if finding.card else "")
    said = f"{in_range(metric, interval)} {what}"
    if finding.verdict == "beyond" and (interval.estimate < limit) == at_least:
        off = margin(replace(metric, compare="difference"), interval.estimate - limit)
        return f"{said}, {off} {'short of' if at_least else 'over'} {allowed}"
    return f"{said} against {'at least' if at_least else 'at most'} {allowed}{_needed(finding)}"


def _needed(finding: Finding) -> str:
    """Say what would settle a finding that is open."""
    if finding.verdict != "open":
        return ""
    if hopeless := [need.whatever for need in finding.needs if need.number is None]:
        return f", which no {hopeless[0]} would settle"
    if not finding.needs:
        return ", and every evaluation row is used already"
    return f", which {listed(need.in_words() for need in finding.needs)} would settle"


def _numbers(result: StrategyResult, found: Found) -> str:
    """Write what a strategy takes and reaches, each with its interval at the risk of the budget."""
    risk, budget, quality = found.budget.risk, found.budget, found.comparison.quality
    time = quantities.seconds(result, risk, budget.samples)
    rows = "" if budget.samples is None else f" on {budget.samples:,} rows"
    parts = [
        f"{in_range(METRICS[MEMORY], quantities.memory(result, risk))} of memory",
        f"{in_range(METRICS['train_seconds'], time)} of training{rows}",
        f"{in_range(METRICS[SPEED], quantities.throughput(result, risk))} samples/s",
        f"{in_range(METRICS[quality.metric], quantities.score(result, risk))} {quality.word}",
    ]
    if budget.maximize == "time-to-accuracy" and budget.min_accuracy is not None:
        until = quantities.seconds_until(result, budget.min_accuracy, risk)
        parts.append(f"{in_range(METRICS['train_seconds'], until)} until {budget.min_accuracy:.1%}")
    return ", ".join(parts)


def _apart(chosen: StrategyResult, other: StrategyResult, found: Found) -> str:
    """Write what tells the recommended strategy from another, in the words of the comparison."""
    paired = against(chosen, other)
    if not chosen.measured.keys() & other.measured.keys():
        return f"{chosen.strategy} shares no seed with it"
    said = f"{chosen.strategy} {against_reference(paired, other, found.comparison.ranking)}"
    times = found.objective.times.get((chosen.strategy, other.strategy))
    if times is None:
        return said
    ratio, side = times
    if side:
        return f"{said}, takes {change(_RATIO, ratio.estimate, is_told=True)} its {found.objective.word}{within(_RATIO, ratio)}"
    return f"{said}, {found.objective.word} tied ({with_bounds(_RATIO, ratio)})"


def _settling(chosen: StrategyResult, found: Found) -> Iterator[str]:
    """Say what would tell the recommended strategy from those that fit too, in what is maximized."""
    if found.objective.metric is None:
        return
    tied = [
        against(one.result, chosen)
        for one in found.judged
        if one.strategy in found.fitting
        and one.result is not chosen
        and found.objective.standing(one.strategy, chosen.strategy) == 0
    ]
    yield from to_settle(tied, chosen, found.comparison.ranking, [found.objective.metric])
