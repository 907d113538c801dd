"""Parses the rules of `compare --gate rules.toml`.

    rules = [
      "amp throughput >= 1.2x full",
      "peak_memory <= 20 GiB",
      "accuracy >= full - 1 point",
    ]

    rule    := [strategy] metric (">=" | "<=" | ">" | "<") bound
    bound   := number unit | factor "x" strategy | strategy [("+" | "-") number unit]

`quality` is the score that the comparison ranks by (--quality). A rule without a strategy applies to every strategy but the one that it compares with.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from bench.analysis.quality import ACCURACY
from bench.errors import UnknownName, UsageError
from bench.files import read_toml
from bench.inert import shown
from bench.records.metrics import METRICS

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Rule", "parse_rule", "read_rules"]

Op = Literal[">=", "<=", ">", "<"]

ALIASES = {
    "throughput": "samples_per_second",
    "steady_throughput": "steady_samples_per_second",
    "tokens": "steady_tokens_per_second",
    "training_memory": "training_memory_bytes",
    "memory": "training_memory_bytes",
    "peak_memory": "training_memory_bytes",
    "peak_memory_bytes": "training_memory_bytes",
    "training_time": "train_seconds",
    "step_time": "step_seconds_median",
    "evaluation_loss": "eval_loss",
}
"""Short names of metrics, in addition to those of METRICS."""

QUALITY = "quality"
"""Stands for the score that the comparison ranks by: accuracy, unless another was chosen."""

_UNITS = {
    "bytes": {"B": 1.0, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40}
    | {"kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12},
    "s": {"s": 1.0, "ms": 1e-3, "us": 1e-6, "min": 60.0, "h": 3600.0},
    "share": {"": 1.0, "%": 0.01, "point": 0.01, "points": 0.01},
}

_RULE = re.compile(r"(?:(?P<strategy>\S+)\s+)?(?P<metric>\w+)\s*(?P<op>[<>]=?)\s*(?P<bound>[^\s=<>].*)")
_NUMBER = r"[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?"
_AMOUNT = re.compile(rf"(?P<number>{_NUMBER})\s*(?P<unit>\S*)")
_FACTOR = re.compile(rf"(?P<factor>{_NUMBER})\s*(?:x|\N{{MULTIPLICATION SIGN}})\s+(?P<strategy>\S+)")
_MOST = 1e100
_OTHER = re.compile(r"(?P<strategy>\S+)(?:\s+(?P<sign>[+-])\s*(?P<amount>.+))?")


@dataclass(frozen=True, slots=True)
class Rule:
    """A bound on a metric of one strategy, or of every one."""

    text: str
    strategy: str | None
    metric: str
    """A name of METRICS, or QUALITY."""
    op: Op
    other: str | None = None
    """The strategy to compare with; None where the bound is absolute."""
    factor: float | None = None
    """The factor on the other strategy's value."""
    amount: float = 0.0
    """In the metric's unit: the bound, or what is added to the other strategy's value."""

    @property
    def sign(self) -> Literal[-1, 1]:
        """1 where the value must be larger, -1 where it must be smaller."""
        return 1 if self.op.startswith(">") else -1


def read_rules(path: Path) -> tuple[Rule, ...]:
    """Read a file of rules.

    Raises:
        UsageError: it cannot be read, is no TOML, or contains something else than rules of known metrics.

    """
    table = read_toml(path, "--gate")
    for key in table:
        if key != "rules":
            raise UnknownName("key", key, ["rules"], hint=f"In {path}.")
    rules = table.get("rules")
    if not isinstance(rules, list) or not rules or not all(isinstance(rule, str) for rule in rules):
        raise UsageError(f'{path}: give a list of sentences: rules = ["peak_memory <= 20 GiB"]')
    try:
        return tuple(parse_rule(rule) for rule in dict.fromkeys(rules))
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def parse_rule(text: str) -> Rule:
    """Parse one rule.

    Raises:
        UsageError: it is no rule, or its bound does not suit its metric.
        UnknownName: its metric or unit is unknown.

    """
    text = " ".join(text.split())
    found = _RULE.fullmatch(text)
    if not found:
        raise UsageError(f'rule {text!r}: write "[strategy] metric >= bound", such as "amp throughput >= 1.2x full"')
    name = found["metric"]
    metric = ACCURACY.metric if name == QUALITY else ALIASES.get(name, name)
    about = QUALITY if name == QUALITY else metric
    if metric not in METRICS:
        raise UnknownName("metric", name, METRICS.keys() | ALIASES.keys() | {QUALITY}, hint=f"In the rule {text!r}.")
    strategy, op, bound = found["strategy"], cast("Op", found["op"]), found["bound"]
    if factor := _FACTOR.fullmatch(bound):
        if METRICS[metric].compare == "difference":
            raise UsageError(
                f'rule {text!r}: {name} is compared by differences; write "{name} {op} {factor["strategy"]} - 1 point"'
            )
        return Rule(text, strategy, about, op, factor["strategy"], _finite(text, factor["factor"]))
    if bound[0].isdigit():
        return Rule(text, strategy, about, op, amount=_amount(text, metric, bound))
    other = _OTHER.fullmatch(bound)
    if not other:
        msg = f'rule {text!r}: {bound!r} is no bound; write "20 GiB", "1.2x full", "full" or "full - 1 point"'
        raise UsageError(msg)
    amount = _amount(text, metric, other["amount"]) if other["amount"] else 0.0
    plain = 1.0 if not amount and METRICS[metric].compare != "difference" else None
    signed = -amount if other["sign"] == "-" else amount
    return Rule(text, strategy, about, op, other["strategy"], plain, signed)


def _amount(text: str, metric: str, written: str) -> float:
    """Parse a number with its unit, and convert it to the unit of the metric."""
    found = _AMOUNT.fullmatch(written)
    if not found:
        raise UsageError(f"rule {text!r}: {written!r} is no number with a unit")
    own = METRICS[metric].unit
    units = _UNITS.get(own, {"": 1.0, own: 1.0})
    if not found["unit"] and "" not in units:
        raise UsageError(f"rule {text!r}: {written} of what? Give a unit: {', '.join(units)}")
    if found["unit"] not in units:
        raise UnknownName("unit", found["unit"], filter(None, units), hint=f"In the rule {text!r}.")
    return _finite(text, found["number"]) * units[found["unit"]]


def _finite(text: str, written: str) -> float:
    number = float(written)
    if not number < _MOST:
        raise UsageError(f"rule {text!r}: {shown(written)} is more than anything can be")
    return number
