"""A file as users have it: every output says how its rows became what was trained on, and how each class fared."""

from __future__ import annotations

import csv
import html
import random
import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from bench.records.store import Store
from bench.workload.toy import save_tiny_llama

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def tickets(tmp_path: Path) -> Path:
    """300 rows: 12 without a text, 10 without a queue, 26 that repeat an earlier one, and queues as people write them."""
    rng = random.Random(0)
    queues = (
        ["billing"] * 80 + ["billing "] * 20 + ["Billing"] * 30 + ["shipping"] * 60 + ["account"] * 50 + ["N/A"] * 12
    )
    rows = [(" ".join(rng.choices([f"word{n}" for n in range(30)], k=rng.randint(3, 30))), queue) for queue in queues]
    rows += rows[:26]
    rows += [("", "billing")] * 6 + [("   ", "account")] * 6 + [(f"word{number}", "") for number in range(10)]
    rng.shuffle(rows)
    path = tmp_path / "tickets.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("ticket", "body", "queue"), *((number, *row) for number, row in enumerate(rows))])
    return path


def test_every_output_accounts_for_300_rows_and_scores_each_class(
    tickets: Path, tmp_path: Path, bench: Callable[..., tuple[int, str, str]]
) -> None:
    out, model = tmp_path / "out", save_tiny_llama(tmp_path / "tiny")
    columns = ["--text-column", "body", "--label-column", "queue"]
    work = ["--model", model, "--dataset", tickets, *columns, "--device", "cpu", "--max-length", 16, "--steps", 2]
    work += ["--no-forecast"]
    code, shown, said = bench(
        "compare", "--strategies", "freeze", *work, "--eval-samples", "all", "--in-process", "--out", out
    )
    assert code == 0
    (record,) = Store(out).read_all()
    assert record.measured is not None
    data, evaluation = record.measured.data, record.measured.evaluation
    assert data is not None
    assert evaluation.classes is not None
    assert evaluation.labels is not None
    support = Counter(evaluation.classes[int(number)] for number in evaluation.labels)
    left_out = 12 + 10 + data.num_dropped_duplicates
    assert data.num_train + data.num_eval + left_out == 300
    page = html.unescape(re.sub(r"<[^>]+>", " ", (out / "report.html").read_text()))
    summary = (out / "summary.md").read_text()
    texts = {"terminal": said + shown, "page": page, "summary.md": summary.replace("\\", "")}
    for where, text in texts.items():
        for told in (
            f"300 rows; left out: 12 without a text, 10 without a label, {data.num_dropped_duplicates} to train on whose",
            f"{data.num_train} to train on; {data.num_eval} to evaluate on",
            "26 rows repeat an earlier text",
            '5, with rows to train + to evaluate on: "billing" ',
            "are longer than 16 and truncated",
            '"Billing" (30 rows), "billing" (',
            "look alike, and are classes of their own",
            '"N/A" (12 rows) may mean a missing label',
            '"billing" is also written "billing " (20 rows)',
            "F1 by class",
        ):
            assert told in text, where
        for name in ("billing", "Billing", "shipping", "account", "N/A"):
            rows = support[name]
            assert re.search(rf'"{name}"\W+{rows}\W+\d+\.\d%', text), (where, name)
    before = said[: said.index("dry step")]
    assert (
        sum(
            line.split(":")[0] in {"read", "used", "duplicates", "classes", "lengths", "look out"}
            for line in before.splitlines()
        )
        == 6
    )
