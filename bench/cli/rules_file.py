"""`--gate rules.toml`: the rules that a comparison is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.cli.conclude import conclude, never_red
from bench.gate.judging.grammar import read_rules
from bench.gate.judging.rules import check_strategies, judge_rules

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from bench.analysis.comparison import Comparison
    from bench.gate.judging.grammar import Rule

__all__ = ["RulesFile"]


@dataclass(frozen=True, slots=True)
class RulesFile:
    """The rules that a comparison is judged by: `--gate rules.toml`."""

    name: str
    rules: tuple[Rule, ...]
    strict: bool = False

    @classmethod
    def read(cls, path: Path, *, strict: bool = False) -> RulesFile:
        """Read a file of rules.

        Raises:
            UsageError: it cannot be read, or holds something else than rules.

        """
        return cls(path.name, read_rules(path), strict)

    def check(self, strategies: Iterable[str]) -> None:
        """Refuse a rule about a strategy that is not compared.

        Raises:
            UnknownName: a rule is about another strategy.

        """
        check_strategies(self.rules, strategies)

    def judge(self, comparison: Comparison, directory: Path, *, rank_suspect: bool = False) -> int:
        """Judge a comparison, show what came of it and write it beside the report; the result is the exit code.

        Raises:
            UnknownName: a rule is about a strategy that was not compared.

        """

        def work() -> int:
            judgement = judge_rules(self.rules, comparison, self.name, rank_suspect=rank_suspect)
            return conclude(judgement, strict=self.strict, out=directory)

        return never_red(work)
