"""Judges rules about one comparison by its intervals: `compare --gate rules.toml`.

A rule holds where its interval lies wholly on the right side of its bound, and is broken where it
lies wholly on the wrong side, but only if the comparison claims a difference that follows from it. Peaks of memory need no interval: no run may cross an absolute bound.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bench.analysis import intervals, scores
from bench.analysis.quality import QUALITIES
from bench.analysis.strategy_result import relative
from bench.analysis.words import numbers as words
from bench.errors import UnknownName
from bench.gate.judging.grammar import QUALITY
from bench.gate.judging.judgement import Finding, Judgement, Side, Verdict
from bench.gate.judging.times import unmeasured
from bench.records.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.analysis.comparison import Comparison
    from bench.analysis.intervals import Interval
    from bench.analysis.strategy_result import StrategyResult
    from bench.gate.judging.grammar import Rule

__all__ = ["check_strategies", "judge_rules"]


def check_strategies(rules: Iterable[Rule], strategies: Iterable[str]) -> None:
    """Refuse a rule about a strategy that is not compared, before anything is run.

    Raises:
        UnknownName: a strategy is not among those given.

    """
    known = tuple(strategies)
    for rule in rules:
        for name in (rule.strategy, rule.other):
            if name is not None and name not in known:
                raise UnknownName("strategy", name, known, hint=f"In the rule {rule.text!r}.")


def judge_rules(
    rules: Sequence[Rule], comparison: Comparison, name: str = "rules", *, rank_suspect: bool = False
) -> Judgement:
    """Judge every rule for every strategy that it applies to; `name` is that of the file.

    Strategies with a flag that makes them suspect are not judged, unless `rank_suspect`.

    Raises:
        UnknownName: a rule is about a strategy that was not compared.

    """
    rows = {row.strategy: row for row in comparison.results}
    check_strategies(rules, rows)
    findings = []
    for written in rules:
        rule = replace(written, metric=comparison.quality.metric) if written.metric == QUALITY else written
        about = [row for row in rows.values() if rule.strategy in (None, row.strategy) and row.strategy != rule.other]
        findings += [
            _judge(rule, row, rows.get(rule.other or ""), comparison, rank_suspect=rank_suspect) for row in about
        ] or [unmeasured(rule.text, rule.metric, "no strategy is left that the rule could be about")]
    return Judgement(tuple(findings), Side(name), Side(", ".join(rows)), comparison.warnings)


def _judge(
    rule: Rule, row: StrategyResult, other: StrategyResult | None, comparison: Comparison, *, rank_suspect: bool
) -> Finding:
    title = rule.text if rule.strategy else f"{row.strategy} {rule.text}"
    if comparison.form == "invalid":
        return unmeasured(title, rule.metric, comparison.headline)
    for one in (row, other):
        if one is not None and (fault := _fault(one, rule.metric, rank_suspect=rank_suspect)):
            return unmeasured(title, rule.metric, fault)
    if other is None:
        return _absolute(title, rule, row)
    interval = _relative(rule, row, other)
    if interval is None:
        why = f"{row.strategy} and {other.strategy} cannot be compared: no common seed, or other evaluation rows"
        return unmeasured(title, rule.metric, why)
    bound = rule.amount if rule.factor is None else rule.factor
    is_ratio = rule.factor is not None
    is_told = is_ratio or METRICS[rule.metric].compare == "difference"
    verdict, said = _verdict(rule, interval, bound), ""
    claim = comparison.ranking.claims.about(rule.metric, row.strategy, other.strategy)
    if claim and claim.tentative and _tells_apart(rule, verdict, bound):
        verdict, said = "INCONCLUSIVE", f"; {claim.doubt}"
    change, low, high = (
        None if value is None or not is_told else value - 1 if is_ratio else value
        for value in (interval.estimate, interval.low, interval.high)
    )
    return Finding(
        title,
        rule.metric,
        verdict,
        _in_words(rule, interval, verdict) + said,
        base=other.means[rule.metric],
        head=row.means[rule.metric],
        change=change,
        low=low,
        high=high,
        num_pairs=len(row.samples[rule.metric].keys() & other.samples[rule.metric].keys()),
        pairs=tuple(
            (theirs, ours) for ours, theirs in intervals.paired(row.samples[rule.metric], other.samples[rule.metric])
        ),
    )


def _absolute(title: str, rule: Rule, row: StrategyResult) -> Finding:
    """Judge a metric against a fixed bound."""
    kind, samples = METRICS[rule.metric], tuple(row.samples[rule.metric].values())
    if kind.unit == "bytes":
        worst = min(samples, key=lambda value: rule.sign * value)
        verdict: Verdict = "PASS" if _holds(rule, worst, rule.amount) else "FAIL"
        which = "the one run" if len(samples) == 1 else f"the furthest of {len(samples)} runs"
        return Finding(title, rule.metric, verdict, f"{kind.format(worst)} in {which}", head=worst)
    own = (
        scores.interval([*row.evaluations.values()], QUALITIES[rule.metric].metric)
        if rule.metric in QUALITIES
        else None
    )
    interval = own if own and own.bounds else intervals.mean(row.samples[rule.metric])
    verdict = _verdict(rule, interval, rule.amount)
    return Finding(title, rule.metric, verdict, _in_words(rule, interval, verdict), head=interval.estimate)


def _relative(rule: Rule, row: StrategyResult, other: StrategyResult) -> Interval | None:
    """Compare two strategies on the scale of the rule: a ratio where it has a factor, else a difference."""
    kind, ours, theirs = METRICS[rule.metric].compare, row.samples[rule.metric], other.samples[rule.metric]
    if kind == ("ratio" if rule.factor is not None else "difference"):
        return relative(row, other, rule.metric)
    return intervals.ratio(ours, theirs) if rule.factor is not None else intervals.difference(ours, theirs)


def _verdict(rule: Rule, interval: Interval, bound: float) -> Verdict:
    if interval.bounds is None:
        if METRICS[rule.metric].unit != "bytes":
            return "INCONCLUSIVE"
        return "PASS" if _holds(rule, interval.estimate, bound) else "FAIL"
    held = [_holds(rule, value, bound) for value in interval.bounds]
    return "PASS" if all(held) else "INCONCLUSIVE" if any(held) else "FAIL"


def _tells_apart(rule: Rule, verdict: Verdict, bound: float) -> bool:
    """Whether a verdict implies that two strategies differ: equal ones would have the opposite verdict."""
    same = 0.0 if rule.factor is None else 1.0
    return verdict != "INCONCLUSIVE" and _holds(rule, same, bound) != (verdict == "PASS")


def _holds(rule: Rule, value: float, bound: float) -> bool:
    return {">=": value >= bound, ">": value > bound, "<=": value <= bound, "<": value < bound}[rule.op]


def _fault(row: StrategyResult, metric: str, *, rank_suspect: bool) -> str | None:
    """Return what prevents a strategy from being judged."""
    if not row.finished:
        return f"{row.strategy} {row.status}: {row.reason or 'no run finished'}"
    if len(row.finished) < len(row.records):
        return f"{row.strategy}: {len(row.records) - len(row.finished)} of {len(row.records)} runs did not finish"
    if row.is_suspect and not rank_suspect:
        return f"{row.strategy} is doubted: {row.doubts[0].message}"
    return None if row.samples[metric] else f"{row.strategy} did not measure it"


def _in_words(rule: Rule, interval: Interval, verdict: Verdict) -> str:
    """Describe what was found, on the scale of the rule: a factor, a difference, or a value with its bounds."""
    kind = METRICS[rule.metric]
    if rule.other is None:
        seen, bounded = kind.format(interval.estimate), [kind.format(bound) for bound in interval.bounds or ()]
        within = f" ({' to '.join(bounded)}{', this run only' if interval.this_run_only else ''})"
    else:
        kind = replace(kind, compare="difference" if rule.factor is None else "ratio")
        seen, within = words.change(kind, interval.estimate), words.within(kind, interval)
    if interval.bounds is None:
        return seen + ("; add seeds (--seeds), one run has no interval" if verdict == "INCONCLUSIVE" else ", one run")
    return seen + within
