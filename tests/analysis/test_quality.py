"""A comparison by another score than accuracy: everything that concludes speaks of it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bench.analysis.comparison import Comparison, compare
from bench.analysis.quality import ACCURACY, QUALITIES
from bench.gate.judging.grammar import parse_rule
from bench.gate.judging.rules import judge_rules
from bench.records.doubts import doubts
from bench.records.evaluation import Evaluation
from bench.records.metrics import METRICS
from bench.records.store import Store
from reports import render, write_report

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.records.record import RunRecord


@pytest.fixture(scope="session")
def rare(make_record: Callable[..., RunRecord], evaluated: Callable[..., RunRecord]) -> tuple[RunRecord, ...]:
    """400 rows, 8 % of a rare class: full finds half of them, freeze none, and both have the same accuracy."""
    rng, made = np.random.default_rng(0), []
    for seed in range(3):
        labels = np.zeros(400, dtype=np.int64)
        labels[:32] = 1
        full = np.where(rng.random(400) < 0.5, labels, 0)
        full[labels == 0] = rng.random(368) < 16 / 368
        freeze = np.zeros(400, dtype=np.int64)
        for name, taken, step in (("full", full, 1.0), ("freeze", freeze, 0.3)):
            made.append(evaluated(make_record(name, seed=seed, step=step), ("common", "rare"), labels, taken))
    return tuple(made)


def by(records: tuple[RunRecord, ...], metric: str) -> Comparison:
    return compare(records, quality=QUALITIES[metric])


def test_every_quality_is_a_metric_and_a_field_of_an_evaluation() -> None:
    for metric, quality in QUALITIES.items():
        assert metric == quality.metric
        assert METRICS[metric].unit == "share"
        assert METRICS[metric].compare == "difference"
        assert metric in Evaluation.model_fields
        assert quality.headlines[-1] == metric


def test_accuracy_is_what_a_comparison_is_by_unless_asked(rare: tuple[RunRecord, ...]) -> None:
    comparison = compare(rare)
    assert comparison.quality == ACCURACY
    assert comparison.ranking.claims.standing("accuracy", "freeze", "full") in {0, None}
    assert comparison.ranking.claims.standing("macro_f1", "freeze", "full") is None
    assert all(result.beats_majority is False for result in comparison.results)
    assert "accuracy" in " ".join((comparison.headline, *comparison.sentences))
    assert "macro F1" not in " ".join((comparison.headline, *comparison.sentences))


@pytest.mark.parametrize("metric", ["macro_f1", "balanced_accuracy"])
@pytest.mark.parametrize("num_seeds", [1, 3])
def test_what_accuracy_does_not_see_decides_by_another_quality(
    metric: str, num_seeds: int, rare: tuple[RunRecord, ...]
) -> None:
    comparison = by(rare[: 2 * num_seeds], metric)
    word = METRICS[metric].label
    assert comparison.ranking.claims.standing(metric, "freeze", "full") == -1
    assert comparison.ranking.letters[metric] == {"full": "a", "freeze": "b"}
    assert [result.beats_majority for result in comparison.results] == [True, False]
    assert comparison.form == "winner"
    assert comparison.winners == ("full",)
    assert word in comparison.headline
    assert "accuracy" not in " ".join((comparison.headline, *comparison.sentences)).replace("balanced accuracy", "")
    (full, freeze) = comparison.results
    assert full.quality_interval is not None
    assert full.quality_interval.bounds is not None
    assert freeze.majority_quality == pytest.approx(freeze.means[metric])


def test_being_better_is_said_in_the_words_of_the_quality(rare: tuple[RunRecord, ...]) -> None:
    swapped = compare(rare, "freeze", quality=QUALITIES["macro_f1"])
    assert swapped.headline.startswith("full is best in macro F1: +")


def test_every_output_speaks_of_the_quality(rare: tuple[RunRecord, ...], tmp_path: Path) -> None:
    comparison = by(rare, "macro_f1")
    page = write_report([comparison], tmp_path)
    summary = (tmp_path / "summary.md").read_text()
    assert "| strategy | throughput \\(samples/s\\) |" in summary.replace("(samples/s)", "\\(samples/s\\)")
    header = next(line for line in summary.splitlines() if line.startswith("| strategy"))
    assert "macro F1" in header
    assert "accuracy" not in header
    assert "Scatter plot of training memory and macro F1" in page.read_text()
    assert "Differences to full" in page.read_text(), "freeze has learnt nothing to praise"
    (written,) = json.loads(render([comparison], "json"))
    assert written["quality"] == "macro_f1"
    letters = {line["strategy"]: line["letters"] for line in written["strategies"] if line["metric"] == "macro_f1"}
    assert letters == {"full": "a", "freeze": "b"}


@pytest.mark.parametrize(("metric", "word"), [("accuracy", "PASS"), ("macro_f1", "FAIL")])
def test_a_rule_about_the_quality_is_about_what_the_comparison_ranks_by(
    metric: str, word: str, rare: tuple[RunRecord, ...]
) -> None:
    rules = [parse_rule("freeze quality >= full - 5 points"), parse_rule("freeze quality >= 90%")]
    relative, absolute = judge_rules(rules, by(rare, metric)).findings
    assert (relative.metric, relative.verdict) == (metric, word)
    assert absolute.metric == metric
    assert absolute.verdict == ("FAIL" if metric == "macro_f1" else absolute.verdict)


def test_an_older_record_is_compared_in_what_it_knows(rare: tuple[RunRecord, ...]) -> None:
    unknown = {"classes": None, "labels": None, "predictions": None, "balanced_accuracy": None}
    old = []
    for record in rare[:2]:
        assert record.measured is not None
        evaluation = record.measured.evaluation.model_copy(update=unknown)
        old.append(
            record.model_copy(update={"measured": record.measured.model_copy(update={"evaluation": evaluation})})
        )
    for metric in QUALITIES:
        comparison = by(tuple(old), metric)
        assert comparison.headline
        assert (comparison.results[1].relative[metric] is None) == (metric == "balanced_accuracy")
        assert render([comparison], "html" if metric == "balanced_accuracy" else "md")


def test_one_class_that_dominates_is_flagged_with_the_way_out(rare: tuple[RunRecord, ...]) -> None:
    assert rare[0].measured is not None
    found = {flag.code: flag.message for flag in doubts(rare[0].measured)}
    assert found["one-class-dominates"] == "one class holds 92.0% of the 400 evaluation rows"


def test_the_command_line_ranks_by_what_it_is_asked(
    rare: tuple[RunRecord, ...], tmp_path: Path, bench: Callable[..., tuple[int, str, str]]
) -> None:
    directory = tmp_path / "results"
    with Store.open(directory, resume=False) as store:
        for record in rare:
            store.write(record)
    code, out, _ = bench("report", directory, "--quality", "macro_f1", "--format", "md")
    assert code == 0
    assert "macro F1" in out.splitlines()[[line.startswith("| strategy") for line in out.splitlines()].index(True)]
    copied = shutil.copytree(directory, tmp_path / "copy")
    code, out, _ = bench("report", directory, copied, "--quality", "balanced_accuracy", "--format", "json")
    assert code == 0
    assert {each["quality"] for each in json.loads(out)} == {"balanced_accuracy"}
    code, _, errors = bench("report", directory, "--quality", "f1")
    assert code == 2
    assert "macro_f1" in errors
    (tmp_path / "bench.toml").write_text('quality = "f1"\n')
    code, _, errors = bench("compare", "--config", tmp_path / "bench.toml", "--dry-run")
    assert code == 2
    assert "quality in " in errors
