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
from bench.experiment.amounts import NUMBER, amount, finite
from bench.files import read_toml
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

_RULE = re.compile(r"(?:(?P<strategy>\S+)\s+)?(?P<metric>\w+)\s*(?P<op>[<>]=?)\s*(?P<bound>[^\s=<>].*)")
_FACTOR = re.compile(rf"(?P<factor>{NUMBER})\s*(?:x|\N{{MULTIPLICATION SIGN}})\s+(?P<strategy>\S+)")
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
    where = f"rule {text!r}"
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
        return Rule(text, strategy, about, op, factor["strategy"], finite(factor["factor"], where))
    if bound[0].isdigit():
        return Rule(text, strategy, about, op, amount=amount(bound, METRICS[metric].unit, where))
    other = _OTHER.fullmatch(bound)
    if not other:
        msg = f'rule {text!r}: {bound!r} is no bound; write "20 GiB", "1.2x full", "full" or "full - 1 point"'
        raise UsageError(msg)
    added = amount(other["amount"], METRICS[metric].unit, where) if other["amount"] else 0.0
    plain = 1.0 if not added and METRICS[metric].compare != "difference" else None
    signed = -added if other["sign"] == "-" else added
    return Rule(text, strategy, about, op, other["strategy"], plain, signed)
