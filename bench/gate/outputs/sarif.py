"""SARIF 2.1.0, for code scanning: one rule per metric, one result per finding that is not a pass."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bench.gate.judging.judgement import GATED
from bench.gate.outputs.symbols import STYLES, headline

if TYPE_CHECKING:
    from bench.gate.judging.judgement import Finding, Judgement

__all__ = ["to_sarif"]

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def to_sarif(judgement: Judgement, default_file: str = "pyproject.toml") -> str:
    """Write the judgement; a finding whose benchmark has no file is shown at `default_file`, as uploads need a place."""
    findings = judgement.by_severity
    metrics = list(dict.fromkeys(finding.metric for finding in findings))
    results = [
        _result(finding, metrics.index(finding.metric), judgement, default_file)
        for finding in findings
        if STYLES[finding.verdict].level
    ]
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "bench gate",
                "rules": [
                    {
                        "id": metric,
                        "name": GATED[metric].label,
                        "shortDescription": {"text": f"{GATED[metric].label}: {GATED[metric].description}"},
                    }
                    for metric in metrics
                ],
            }
        },
        "automationDetails": {"id": "bench-gate/"},
        "invocations": [
            {"executionSuccessful": judgement.verdict != "NOT_MEASURED", "exitCode": judgement.exit_code()}
        ],
        "results": results,
        "properties": {"summary": headline(judgement), "warnings": list(judgement.warnings)},
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _result(finding: Finding, index: int, judgement: Judgement, default_file: str) -> dict[str, Any]:
    machine = json.dumps(judgement.head.fingerprint, sort_keys=True)
    digest = sha256(f"{finding.benchmark}|{finding.metric}|{machine}".encode()).hexdigest()
    numbers = ("base", "head", "change", "low", "high", "margin", "detectable", "num_pairs", "confirmed")
    style = STYLES[finding.verdict]
    return {
        "ruleId": finding.metric,
        "ruleIndex": index,
        "level": "note" if style.level == "notice" else style.level,
        "message": {"text": f"{finding.benchmark}: {style.word}: {finding.reason}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(finding.file or default_file)},
                    "region": {"startLine": finding.line or 1},
                }
            }
        ],
        "partialFingerprints": {"benchFinding/v1": digest},
        "properties": {
            "verdict": finding.verdict,
            **{name: value for name in numbers if (value := getattr(finding, name)) is not None},
        },
    }
