"""Budgets over one stored comparison: six strategies, three seeds each, of a tiny Llama; each answer is found by brute force too.

The brute force reads the JSON of the runs and uses nothing of `bench`.
"""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize, stats

from bench.analysis.comparison import compare
from bench.experiment.budget import Budget
from bench.recommending.recommend import recommend
from bench.records.store import Store

STORED = Path(__file__).parents[1] / "golden" / "stored"
DOUBTED = {"freeze:last=1", "llrd"}
"""Strategies with unsteady steps, which are judged where --rank-suspect asks for it."""
FULL, FREEZE, LLRD, AMP = "full", "freeze:last=1", "llrd", "amp:dtype=bf16"
MIB = 2**20

BUDGETS = [
    # budget, rank suspect, asked for: verdict, strategy, runner-up, nearest
    ({}, True, None, ("recommended", FULL, LLRD, None)),
    ({"memory": 100 * MIB}, True, None, ("recommended", FULL, LLRD, None)),
    ({"memory": 100 * MIB}, False, None, ("recommended", FULL, None, None)),
    ({"memory": 4.3 * MIB}, True, None, ("recommended", FREEZE, None, None)),
    ({"memory": 3 * MIB}, True, None, ("none fits", None, None, FREEZE)),
    ({"memory": 3 * MIB}, False, None, ("not enough data", None, None, None)),
    ({"max_time": 0.5, "maximize": "throughput"}, True, None, ("recommended", FREEZE, FULL, None)),
    ({"max_time": 0.25, "maximize": "throughput"}, True, None, ("recommended", FREEZE, None, None)),
    ({"max_time": 0.5, "min_accuracy": 0.9}, True, None, ("recommended", FULL, None, None)),
    ({"min_accuracy": 0.99}, True, None, ("not enough data", None, None, None)),
    ({"min_accuracy": 0.9, "risk": 0.2}, True, [FREEZE], ("none fits", None, None, FULL)),
    ({"maximize": "throughput"}, True, [LLRD, AMP], ("recommended", LLRD, AMP, None)),
    ({"max_time": 60.0, "samples": 100_000}, True, None, ("not enough data", None, None, None)),
    (
        {"max_time": 400.0, "samples": 100_000, "maximize": "throughput"},
        True,
        None,
        ("recommended", FREEZE, FULL, None),
    ),
    ({"min_accuracy": 0.9, "maximize": "time-to-accuracy", "risk": 0.2}, True, None, ("recommended", FULL, LLRD, None)),
    (
        {"min_accuracy": 0.9, "maximize": "time-to-accuracy", "max_time": 0.2, "risk": 0.2},
        True,
        None,
        ("recommended", FULL, None, None),
    ),
]


def runs_by_strategy():
    order = json.loads((STORED / "strategies.json").read_text())
    found = {name: {} for name in order}
    for path in (STORED / "runs").glob("*.json"):
        run = json.loads(path.read_text())
        terms = run["spec"]["strategy"]
        name = "+".join(":".join([t["name"], *("=".join(option) for option in t["options"])]) for t in terms)
        found[name][run["spec"]["seed"]] = run
    return {name: [runs[seed] for seed in sorted(runs)] for name, runs in found.items()}


class Brute:
    """Everything that a recommendation needs, from the JSON alone."""

    def __init__(self, budget, rank_suspect, asked):
        self.budget = {"risk": 0.05, "maximize": "accuracy", **budget}
        self.runs = runs_by_strategy()
        self.done = [name for name, runs in self.runs.items() if all(run["status"] == "ok" for run in runs)]
        self.ranked = [name for name in self.done if rank_suspect or name not in DOUBTED]
        self.asked = asked or list(self.runs)

    def of(self, name, what):
        values = []
        for run in (run["measured"] for run in self.runs[name]):
            memory, curve = run["memory"], run["curve"]
            goal = self.budget.get("min_accuracy", 2)
            values.append(
                {
                    "memory": memory["host_peak_bytes"] - memory["host_before_bytes"],
                    "time": run["train_seconds"] * self.budget.get("samples", run["num_samples"]) / run["num_samples"],
                    "until": next((point["seconds"] for point in curve if point["accuracy"] >= goal), math.inf),
                    "accuracy": run["evaluation"]["accuracy"],
                    "throughput": run["samples_per_second"],
                }[what]
            )
        return np.array(values, dtype=float)

    def verdicts(self, name):
        budget, risk = self.budget, self.budget["risk"]
        until = budget["maximize"] == "time-to-accuracy"
        if "memory" in budget:
            low, high = self.another(self.of(name, "memory"))
            peaks = self.of(name, "memory")
            yield "out" if max(peaks) > budget["memory"] else "fits" if high <= budget["memory"] else "open"
        if until and not np.isfinite(self.of(name, "until")).all():
            yield "out"
        elif "max_time" in budget:
            low, high = self.another(self.of(name, "until" if until else "time"))
            yield "fits" if high <= budget["max_time"] else "out" if low > budget["max_time"] else "open"
        if "min_accuracy" in budget:
            values, num_rows = self.of(name, "accuracy"), 64
            z, mean = stats.norm.isf(risk / 2), values.mean()
            # The score interval: all shares that a test does not tell from the one that was seen.
            tells = lambda share: (mean - share) ** 2 - z**2 * share * (1 - share) / num_rows  # noqa: E731
            rows = (optimize.brentq(tells, 0, mean), optimize.brentq(tells, mean, 1) if mean < 1 else 1)
            error = max(values.std(ddof=1), 1 / num_rows / math.sqrt(12)) / math.sqrt(len(values))
            seeds = stats.t.interval(1 - risk, len(values) - 1, mean, error)
            low, high = min(rows[0], seeds[0]), max(rows[1], seeds[1])
            yield "fits" if low >= budget["min_accuracy"] else "out" if high < budget["min_accuracy"] else "open"

    def another(self, values):
        spread = values.std(ddof=1) * math.sqrt(1 + 1 / len(values))
        return stats.t.interval(1 - self.budget["risk"], len(values) - 1, values.mean(), spread)

    def standing(self, name):
        if name not in self.ranked:
            return "open" if name in self.done else "out"
        found = set(self.verdicts(name))
        return "out" if "out" in found else "open" if "open" in found else "fits"

    def standings_in(self, what, names):
        """By two strategies: detected better, worse or neither (Holm at 5 %), and which way the interval of the pair points."""
        sign = -1 if what in ("memory", "until") else 1
        pairs, tests = list(itertools.combinations(names, 2)), []
        for one, other in pairs:
            ours, theirs = self.of(one, what), self.of(other, what)
            values = ours - theirs if what == "accuracy" else np.log(ours / theirs)
            deviation = max(values.std(ddof=1), 1 / 64 / math.sqrt(12) if what == "accuracy" else 0)
            t = values.mean() / (deviation / math.sqrt(len(values)))
            tests.append((2 * stats.t.sf(abs(t), len(values) - 1), sign * int(np.sign(t))))
        told, leaning, rejecting = {}, {}, True
        for rank, index in enumerate(sorted(range(len(pairs)), key=lambda index: tests[index][0])):
            p_value, side = tests[index]
            rejecting = rejecting and p_value * (len(pairs) - rank) <= 0.05
            for (one, other), way in ((pairs[index], side), (pairs[index][::-1], -side)):
                told[one, other] = way if rejecting else 0
                leaning[one, other] = way if p_value <= 0.05 else 0
        return told, leaning

    def choose(self, names):
        maximized = {"time-to-accuracy": "until"}.get(self.budget["maximize"], self.budget["maximize"])
        among = self.fitting if maximized == "until" else self.ranked
        told, leaning = self.standings_in(maximized, among)
        rest = [self.standings_in(what, self.ranked)[0] for what in ("throughput", "memory", "accuracy")]

        def dominates(one, other):
            sides = [standings[one, other] for standings in rest]
            return 1 in sides and -1 not in sides and leaning[one, other] != -1

        unbeaten = [one for one in names if not any(told[other, one] == 1 for other in names if other != one)]
        worth = [one for one in unbeaten if not any(dominates(other, one) for other in unbeaten if other != one)]
        sign = -1 if maximized == "until" else 1
        return max(worth, key=lambda name: sign * self.of(name, maximized).mean())

    def answer(self):
        standings = {name: self.standing(name) for name in self.runs}
        self.fitting = [name for name in self.runs if standings[name] == "fits"]
        left = [name for name in self.fitting if name in self.asked]
        first = self.choose(left) if left else None
        left = [name for name in left if name != first]
        second = self.choose(left) if left else None
        if first:
            return "recommended", first, second, None
        is_open = any(standings[name] == "open" for name in self.asked)
        others = [name for name in self.fitting if name not in self.asked]
        nearest = self.choose(others) if others else None
        if not nearest and not is_open:  # here only memory is missed
            nearest = min(
                (name for name in self.done if name in self.asked), key=lambda name: self.of(name, "memory").mean()
            )
        return "not enough data" if is_open else "none fits", None, None, nearest


def comparison_of(rank_suspect):
    return compare(Store(STORED).read_all(), rank_suspect=rank_suspect)


@pytest.mark.parametrize(("budget", "rank_suspect", "asked", "expected"), BUDGETS)
def test_a_budget_is_answered_as_brute_force_over_the_records_does(budget, rank_suspect, asked, expected):
    brute = Brute(budget, rank_suspect, asked)
    found = recommend(comparison_of(rank_suspect), Budget(**budget), asked and ",".join(asked))
    assert (found.verdict, found.strategy, found.runner_up, found.nearest) == brute.answer() == expected
    assert {one.strategy: one.standing for one in found.judged} == {name: brute.standing(name) for name in brute.runs}
