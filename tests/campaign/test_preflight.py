from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from bench.campaign.preflight import (
    check_compositions,
    check_same_code,
    check_same_experiment,
    that_set,
    with_own_rate,
)
from bench.errors import PlanConflict, UsageError
from bench.experiment import registry
from bench.experiment.spec import RunSpec, format_strategy, parse_strategies, parse_strategy

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.records.record import RunRecord

FILE = """
import os, signal, sys, threading, time
from dataclasses import dataclass
from bench.plan import Edit

{at_import}

@dataclass(frozen=True)
class Mine:
    option: int = 0

    def edit(self, view):
        {in_edit}
        return Edit(lr=0.5)
"""
FORKS = "import time, multiprocessing as m; p = m.get_context('fork').Process(target=time.sleep, args=(99,)); p.start()"


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "mine.py"


def check(text: str) -> None:
    """Check in the time that a small plug-in takes on a busy machine; the child's start is not in it."""
    check_compositions(parse_strategies(text), seconds=4)


def mine(at_import: str = "", in_edit: str = "") -> str:
    return FILE.format(at_import=at_import, in_edit=in_edit)


ALONE = "strategy ./mine.py:Mine cannot be used: "


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (mine("sys.exit(0)"), "mine.py, line 6, cannot be imported: SystemExit: 0"),
        (mine("raise KeyboardInterrupt"), ALONE + "it raised KeyboardInterrupt: KeyboardInterrupt (mine.py, line 6)"),
        (mine("os._exit(0)"), ALONE + "its process ended with exit code 0"),
        (mine("time.sleep(99)"), ALONE + "it gave no answer within 4 s"),
        (mine("", "sys.exit(7)"), ALONE + "it raised SystemExit: 7 (mine.py, line 13)"),
        (mine("", "raise KeyboardInterrupt"), ALONE + "it raised KeyboardInterrupt"),
        (mine("", "os._exit(7)"), ALONE + "its process ended with exit code 7"),
        (mine("", "os.kill(os.getpid(), signal.SIGSEGV)"), ALONE + "its process was ended by SIGSEGV"),
        (mine("", "while True: pass"), ALONE + "it gave no answer within 4 s"),
        (mine("", "if os.fork(): os._exit(0)"), ALONE + "its process ended with exit code 0"),
        (mine("", FORKS), ALONE + "it forks the process; a strategy is a value, and starts none"),
        (mine("", "os.fork()"), ALONE + "it forks"),
    ],
)
def test_a_broken_strategy_is_named_in_one_line_and_leaves_nothing_behind(write: Path, source: str, words: str) -> None:
    write.write_text(source)
    before, began = psutil.Process().children(recursive=True), time.monotonic()
    with pytest.raises(UsageError) as caught:
        check("full,./mine.py:Mine+amp")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert psutil.Process().children(recursive=True) == before
    assert time.monotonic() - began < 60


@pytest.mark.parametrize(
    "source",
    [
        mine("print('x' * 3_000_000)", "print('x' * 3_000_000, file=sys.stderr)"),
        mine("", "os.write(1, b'x' * 3_000_000)"),
        mine("threading.Thread(target=time.sleep, args=(99,)).start()"),
        mine("", "raise RuntimeError('this shows in its own run')"),
        mine("", "view.no_such_thing"),
    ],
)
def test_what_talks_a_lot_or_raises_for_this_model_is_left_to_its_run(
    write: Path, source: str, capfd: pytest.CaptureFixture[str]
) -> None:
    write.write_text(source)
    check("full,./mine.py:Mine+amp")
    assert capfd.readouterr() == ("", "")


def test_a_third_partys_strategy_is_checked_as_ours_are(write: Path) -> None:
    write.write_text(mine())
    check("./mine.py:Mine:option=3,./mine.py:Mine+freeze")
    with pytest.raises(PlanConflict, match=r"mine and lr=0.1 do not compose"):
        check("./mine.py:Mine+freeze:lr=0.1")
    with pytest.raises(UsageError, match=r"unknown option of ./mine.py:Mine 'optio'. Did you mean option?"):
        check("./mine.py:Mine:optio=3")
    with pytest.raises(UsageError, match=r"./mine.py:Mine:option=a cannot be read: int expected"):
        check("./mine.py:Mine:option=a")


def test_who_sets_a_rate_is_known_before_any_run(write: Path) -> None:
    write.write_text(mine())
    texts = "full,discriminative,discriminative:body=1e-5+amp,freeze+amp:lr=0.1,./mine.py:Mine+freeze"
    specs = [RunSpec(strategy=terms) for terms in parse_strategies(texts)]
    assert {format_strategy(terms) for terms in with_own_rate(specs, seconds=4)} == {
        "discriminative:body=1e-5+amp",
        "freeze:lr=0.1+amp",
        "./mine.py:Mine+freeze",
    }


def test_what_comes_with_bench_needs_no_other_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.experiment.trial.subprocess", None)
    check("full,freeze:last=1+amp,discriminative:body=1e-5")


def test_runs_are_not_added_to_those_of_other_code(write: Path, make_record: Callable[..., RunRecord]) -> None:
    write.write_text(mine())
    terms = parse_strategy("./mine.py:Mine:option=1+amp")
    record = make_record()
    assert record.measured is not None
    ran = record.measured.model_copy(update={"strategy_code": registry.code_of(terms)})
    done = [make_record(status="failed"), record, record.model_copy(update={"measured": ran})]
    asked = [record.spec.model_copy(update={"strategy": other}) for other in (terms, *parse_strategies("full,amp"))]

    check_same_code(done, asked, Path("results"))
    write.write_text(mine("# edited"))
    check_same_code(done, asked[1:], Path("results"))
    with pytest.raises(
        UsageError, match=r"the code of ./mine\.py:Mine is not that of its runs in results \(sha256:\w+, now"
    ):
        check_same_code(done, asked, Path("results"))


def test_who_says_its_micro_batch_is_known_before_any_run(write: Path) -> None:
    write.write_text(mine().replace("lr=0.5", "micro_batch_size=2"))
    texts = "full,accumulate:rows=2,lora+accumulate,./mine.py:Mine+freeze"
    found = that_set("micro_batch_size", parse_strategies(texts), seconds=4)
    assert set(map(format_strategy, found)) == set(texts.split(",")) - {"full"}


def test_a_strategy_is_not_added_at_another_micro_batch(tmp_path: Path) -> None:
    full, freeze = (RunSpec(strategy=terms) for terms in parse_strategies("full,freeze"))
    check_same_experiment([full], [freeze.model_copy(update={"micro_batch_size": 4})], tmp_path)
    with pytest.raises(UsageError, match=r"differ in micro_batch_size \(16 and 4 for full\).*--on-oom halve"):
        check_same_experiment([full], [full.model_copy(update={"micro_batch_size": 4, "seed": 1})], tmp_path)
