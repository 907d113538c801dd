"""`bench.compare` on a tiny Llama and a handful of rows: real runs, in fresh processes and in this one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import bench
from bench.errors import DataError, PlanConflict, UsageError
from bench.executors import InProcessRunner
from bench.workload.toy import save_tiny_llama, save_toy_reviews

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.protocol import Request


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_llama(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture
def frame(tmp_path: Path) -> pd.DataFrame:
    return pd.read_csv(save_toy_reviews(tmp_path / "reviews.csv")).rename(columns={"text": "body", "label": "queue"})


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCH_LOCK_DIR", str(tmp_path))


QUICKLY: dict[str, Any] = {"device": "cpu", "steps": 1, "in_process": True, "progress": False, "forecast": False}

SCRIPT = """
import sys
from pathlib import Path
import pandas as pd
import bench
with Path("ran.txt").open("a") as ran:
    ran.write(__name__ + "\\n")
{guard}result = bench.compare(
    ["full", "freeze:last=1"], model=sys.argv[1], data=pd.read_csv("reviews.csv"), seeds=2, out="out", device="cpu", steps=2,
    forecast=False,
)
{guard}print(result)
"""


@pytest.mark.parametrize("guard", ["", pytest.param('if __name__ == "__main__": ', marks=pytest.mark.slow)])
def test_a_script_is_run_once_with_and_without_a_guard(guard: str, model: Path, tmp_path: Path) -> None:
    save_toy_reviews(tmp_path / "reviews.csv")
    (tmp_path / "script.py").write_text(SCRIPT.format(guard=guard))
    path = os.pathsep.join(filter(None, (str(Path(bench.__file__).parents[1]), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "script.py", model],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "ran.txt").read_text().split() == ["__main__"]
    result = bench.load(tmp_path / "out")
    assert list(result.runs["status"]) == ["ok"] * 4
    assert " ".join(result.headline.split()) in " ".join(done.stdout.split())
    assert "run 4 of 4: " in done.stderr, "progress belongs to stderr"


def test_a_frame_is_compared_and_its_runs_can_be_made_again(model: Path, frame: pd.DataFrame, tmp_path: Path) -> None:
    named = {"model": model, "data": frame, "text": "body", "label": "queue"}
    result = bench.compare(["full", "freeze"], **named, **QUICKLY, out=tmp_path / "out")
    spec = result.records[0].spec
    assert (spec.workload.text_column, spec.workload.label_column) == ("body", "queue")
    assert set(result.table.loc["full"].index) >= {"accuracy", "samples_per_second", "training_memory_bytes"}
    again = bench.compare(
        "full", model=model, data=spec.workload.dataset, text="body", label="queue", out=tmp_path / "again", **QUICKLY
    )
    assert again.records[0].spec == next(record.spec for record in result.records if record.spec.name == "full")


def test_a_pair_of_columns_is_a_pair(model: Path, frame: pd.DataFrame, tmp_path: Path) -> None:
    pairs = frame.assign(reply=frame["body"][::-1].to_numpy())
    result = bench.compare(
        ["full"], model=model, data=pairs, text=["body", "reply"], label="queue", out=tmp_path / "out", **QUICKLY
    )
    assert result.records[0].spec.workload.text_column == "body,reply"
    assert result.records[0].status == "ok"


def test_silence_is_silence(
    model: Path, frame: pd.DataFrame, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    bench.compare(["full"], model=model, data=frame, text="body", label="queue", out=tmp_path / "out", **QUICKLY)
    assert capfd.readouterr() == ("", "")


def test_what_is_wrong_is_told_before_any_run(model: Path, frame: pd.DataFrame, tmp_path: Path) -> None:
    def compare(*strategies: str, **options: Any) -> None:
        options = {"model": model, "data": frame, "text": "body", "label": "queue", "out": tmp_path / "out"} | options
        bench.compare(list(strategies), **options)

    with pytest.raises(PlanConflict):
        compare("freeze+full")
    with pytest.raises(DataError, match=r"no text column by a usual name, only body, queue; name it \(text=\)"):
        compare("full", text=None)
    with pytest.raises(UsageError, match="lists full twice"):
        compare("full", "full")
    assert not (tmp_path / "out").exists()


def test_an_interruption_says_where_the_runs_are(
    model: Path, frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    carried_out = InProcessRunner._supervise

    def interrupted(self: InProcessRunner, requests: Sequence[Request], *more: Any) -> Any:
        if requests[0].mode == "run" and requests[0].spec.seed == 1:
            raise KeyboardInterrupt
        return carried_out(self, requests, *more)

    options: dict[str, Any] = {"model": model, "data": frame, "text": "body", "label": "queue", "out": tmp_path / "out"}
    with monkeypatch.context() as patched:
        patched.setattr(InProcessRunner, "_supervise", interrupted)
        with pytest.raises(KeyboardInterrupt, match=r"bench.load\('.*out'\)"):
            bench.compare(["full"], seeds=2, **options, **QUICKLY)
    assert [record.status for record in bench.load(tmp_path / "out").records] == ["ok", "interrupted"]
    assert len(bench.compare(["full"], seeds=2, resume=True, **options, **QUICKLY).records) == 2
