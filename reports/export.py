"""The conclusions as data: one row per strategy and metric, with interval, letters and flags."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from bench.records.metrics import METRICS
from bench.records.table import to_csv, to_parquet, to_table, typed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pandas as pd

    from bench.analysis.comparison import Comparison
    from bench.analysis.strategy_result import StrategyResult
    from bench.recommending.recommend import Recommendation

__all__ = ["COMPARED", "comparison_csv", "comparison_json", "comparison_table", "data_files"]

COMPARED: dict[str, str] = {
    **dict.fromkeys(("model", "dataset", "device", "strategy", "status"), "string"),
    "is_reference": "boolean",
    **dict.fromkeys(("metric", "unit"), "string"),
    "estimate": "Float64",
    "num_seeds": "Int64",
    "compared_as": "string",
    **dict.fromkeys(("relative", "low", "high"), "Float64"),
    **dict.fromkeys(("method", "letters", "flags"), "string"),
    **dict.fromkeys(("batch_size", "micro_batch_size", "num_processes"), "Int64"),
    "way": "string",
}
"""Every column of the table of conclusions and its type. `relative`, `low` and `high` are against the reference."""


def data_files(comparisons: Sequence[Comparison], recommendations: Sequence[Recommendation] = ()) -> dict[str, bytes]:
    """Write everything that a report knows as data, by the name of the file."""
    runs = to_table(record for comparison in comparisons for record in comparison.records)
    return {
        "results.parquet": to_parquet(runs),
        "results.csv": to_csv(runs).encode(),
        "comparison.csv": comparison_csv(comparisons).encode(),
        "results.json": comparison_json(comparisons, recommendations).encode(),
    }


def comparison_table(comparisons: Iterable[Comparison]) -> pd.DataFrame:
    """Put every strategy and metric with a value in a row; strategies without any value keep one row."""
    rows = (line for comparison in comparisons for result in comparison.results for line in _lines(comparison, result))
    return typed(rows, COMPARED)


def comparison_csv(comparisons: Iterable[Comparison]) -> str:
    """Write the table of conclusions as CSV, safe to open in a spreadsheet."""
    return to_csv(comparison_table(comparisons))


def comparison_json(comparisons: Sequence[Comparison], recommendations: Sequence[Recommendation] = ()) -> str:
    """Write headline, sentences and the table of conclusions of every comparison as JSON, and what is recommended in each where that was asked for."""
    written = [
        {
            "headline": comparison.headline,
            "form": comparison.form,
            "winners": list(comparison.winners),
            "reference": comparison.reference,
            "quality": comparison.quality.metric,
            "sentences": list(comparison.sentences),
            "warnings": list(comparison.warnings),
            "strategies": json.loads(comparison_table([comparison]).to_json(orient="records")),
        }
        for comparison in comparisons
    ]
    for line, recommendation in zip(written, recommendations, strict=False):  # of which there may be none
        line["recommendation"] = _recommended(recommendation)
    return json.dumps(written, indent=1, ensure_ascii=False) + "\n"


def _recommended(recommendation: Recommendation) -> dict[str, object]:
    names = ("verdict", "strategy", "runner_up", "nearest", "headline", "sentences")
    return {name: getattr(recommendation, name) for name in names} | {
        "strategies": [
            {
                "strategy": one.strategy,
                "standing": one.standing,
                "basis": one.basis,
                "bounds": [
                    {
                        "bound": finding.bound,
                        "verdict": finding.verdict,
                        "limit": None if math.isinf(finding.limit) else finding.limit,
                        "value": finding.interval and finding.interval.estimate,
                        "low": finding.interval and finding.interval.low,
                        "high": finding.interval and finding.interval.high,
                    }
                    for finding in one.findings
                ],
            }
            for one in recommendation.judged
        ]
    }


def _lines(comparison: Comparison, result: StrategyResult) -> Iterator[dict[str, object]]:
    spec = result.records[0].spec
    shared = {
        "model": spec.workload.model,
        "dataset": spec.workload.dataset,
        "device": spec.device.partition(":")[0],
        "strategy": result.strategy,
        "status": result.status,
        "is_reference": result.is_reference,
        "flags": "; ".join(dict.fromkeys(flag.code for flag in result.flags)),
        "batch_size": result.batch_size,
        "micro_batch_size": result.micro_batch_size,
        "num_processes": spec.num_processes,
        "way": spec.way,
    }
    known = [metric for metric in METRICS if result.means[metric] is not None]
    for metric in known:
        interval = result.relative[metric]
        yield shared | {
            "metric": metric,
            "unit": METRICS[metric].unit,
            "estimate": result.means[metric],
            "num_seeds": len(result.samples[metric]),
            "compared_as": METRICS[metric].compare,
            "relative": interval and interval.estimate,
            "low": interval and interval.low,
            "high": interval and interval.high,
            "method": interval and interval.method,
            "letters": comparison.ranking.letters.get(metric, {}).get(result.strategy),
        }
    if not known:
        yield shared
