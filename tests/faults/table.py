"""Every fault: how it is provoked, what the user sees, the exit code, and what is kept. docs/faults.md is this table."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.__main__ import main
from tests.gate.baselines import baseline as some_baseline

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

__all__ = ["FAULTS", "OF_PROCESSES", "Fault", "OfProcess", "Place"]

STORED = Path(__file__).parents[1] / "golden" / "stored"
"""Results of real runs, which each fault of a record gets a copy of."""


@dataclass
class Place:
    """An empty directory in which a fault is provoked, and what the command said."""

    folder: Path
    patch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]
    said: str = ""
    shown: str = ""
    """The same, in its lines."""
    untouched: dict[Path, bytes] = field(default_factory=dict)
    """Files that must be afterwards what they are now."""

    def bench(self, *arguments: str) -> int:
        """Run a command, in this process; its exit code."""
        self.patch.setattr(sys, "argv", ["bench", *arguments])
        self.capture.readouterr()
        code = main()
        self.shown = "".join(self.capture.readouterr())
        self.said = " ".join(self.shown.split())
        return code

    def results(self) -> Path:
        """Put results of real runs here."""
        return shutil.copytree(STORED, self.folder / "results")


@dataclass(frozen=True)
class Fault:
    """One of them."""

    kind: str
    how: str
    provoke: Callable[[Place], int]
    says: str
    """A part of what the command says, in one line."""
    code: int
    kept: str


def _asked(*arguments: str) -> Callable[[Place], int]:
    return lambda place: place.bench(*arguments)


def _with_file(name: str, content: str | bytes, *arguments: str) -> Callable[[Place], int]:
    def provoke(place: Place) -> int:
        path = place.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        place.untouched[path] = path.read_bytes()
        return place.bench(*arguments)

    return provoke


def _with_pipe(name: str, *arguments: str) -> Callable[[Place], int]:
    """Put a pipe that nobody writes to in the place of a file."""

    def provoke(place: Place) -> int:
        os.mkfifo(place.folder / name)
        code = place.bench(*arguments)
        (place.folder / name).unlink()
        return code

    return provoke


def _hostile_name(place: Place) -> int:
    model = shutil.copytree(STORED.parent / "model", place.folder / "m\x1b[31m[red]\n::error::m\u202e")
    data = str(STORED.parent / "reviews.csv")
    return place.bench(
        "compare", "--model", str(model), "--dataset", data, "--device", "cpu", "--dry-run", "--no-forecast"
    )


def _with_record(change: Callable[[Path], None]) -> Callable[[Place], int]:
    """Break the record of a run, and report all."""

    def provoke(place: Place) -> int:
        results = place.results()
        first, *others = sorted((results / "runs").glob("*.json"))
        change(first)
        kept = [*others, *([first] if first.is_file() and not first.is_symlink() else [])]
        place.untouched.update({path: path.read_bytes() for path in kept})
        return place.bench("report", str(results), "--format", "md")

    return provoke


def _content(content: bytes) -> Callable[[Place], int]:
    return _with_record(lambda path: path.write_bytes(content) and None)


def _edited(edit: Callable[[dict[str, Any]], object]) -> Callable[[Place], int]:
    def change(path: Path) -> None:
        record = json.loads(path.read_bytes())
        edit(record)
        path.write_text(json.dumps(record))

    return _with_record(change)


def _replaced(make: Callable[[Path], object]) -> Callable[[Place], int]:
    """Put something else in the place of a record, which moves beside it."""

    def change(path: Path) -> None:
        path.rename(path.with_suffix(".before"))
        make(path)

    return _with_record(change)


def _set(value: object, *keys: str) -> Callable[[dict[str, Any]], None]:
    def edit(record: dict[str, Any]) -> None:
        for key in keys[:-1]:
            record = record[key]
        record[keys[-1]] = value

    return edit


@dataclass(frozen=True)
class OfProcess:
    """A fault of a process, a disk or another bench, which has a test of its own."""

    how: str
    status: str
    """Of the row that its run gets."""
    code: str
    kept: str
    test: str
    """File below tests, and name."""


REQUEST, FILE, RECORD = "Wrong requests", "Wrong files", "Records that cannot be what they say"
NOTHING = "nothing is begun, and nothing written"
OTHERS = "the other runs are reported, the file is left as it is"

_compare = partial(_asked, "compare")
_NESTED = "[" * 400
_BASELINE = some_baseline(num_pairs=2).model_dump_json()

FAULTS = (
    Fault(
        REQUEST,
        "a strategy that does not exist",
        _compare("--strategies", "freez"),
        "unknown strategy 'freez'. Did you mean freeze?",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "an option that a strategy has not",
        _compare("--strategies", "freeze:lst=2"),
        "unknown option of freeze 'lst'. Did you mean last?",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "an option's value that is none",
        _compare("--strategies", "freeze:last=two"),
        "freeze:last=two cannot be read: int expected",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "strategies that contradict each other",
        _compare("--strategies", "sgd+lion"),
        "sgd and lion do not compose: both set optimizer, to different values",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "one composition twice",
        _compare("--strategies", "full,full"),
        "--strategies lists full twice; each composition is one row of the comparison",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "a group that does not exist",
        _compare("--strategies", "@optimizer"),
        "unknown group in --strategies '@optimizer'. Did you mean @optimizers?",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "no strategy",
        _compare("--strategies", ""),
        "--strategies is given an empty value; give another, or leave it out",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "a strategy's name with control characters",
        _compare("--strategies", "a\x1b[31m\n::error::b"),
        "cannot read 'a\\x1b[31m\\n' in strategy 'a\\x1b[31m\\n:\ufffderror::b': a strategy is written name:option=value, joined by +",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "an option that the command has not",
        _compare("--epoch", "1"),
        "No such option: --epoch (Possible options: --epochs, --nproc)",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "an infinite learning rate",
        _compare("--lr", "inf"),
        "--lr: input should be a finite number, not inf",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "a learning rate that is no number",
        _compare("--lr", "nan"),
        "--lr: input should be a finite number, not nan",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "a negative learning rate",
        _compare("--lr", "-1"),
        "--lr: input should be greater than 0, not -1.0",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "a batch of no rows",
        _compare("--batch-size", "0"),
        "--batch-size: input should be greater than or equal to 1, not 0",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "more steps than a run may have",
        _compare("--steps", "1000000000000"),
        "--steps: input should be less than or equal to 10000000, not 1000000000000",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "more seeds than a comparison may have",
        _compare("--seeds", "1000000000000"),
        "--seeds: input should be less than or equal to 10000, not 1000000000000",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "more runs than a comparison may have",
        _compare("--strategies", ",".join(f"lora:r={rank}" for rank in range(1, 8)), "--seeds", "9999"),
        "7 compositions with 9,999 seeds are 69,993 runs, and a comparison has 50,000 at most; give fewer of either",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "a limit of time that is none",
        _compare("--timeout", "inf"),
        "--timeout: input should be a finite number, not inf",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "a model whose name has control characters and a command in it",
        _hostile_name,
        "read: ",
        0,
        "the name is one line, and nothing in it is obeyed",
    ),
    Fault(
        REQUEST,
        "a number beyond 64 bits",
        _compare("--max-length", "9" * 21),
        "--max-length: input should be less than or equal to 16777216, not 999999999999999999999",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "a number of 5,000 digits",
        _compare("--epochs", "9" * 5000),
        "Invalid value for '--epochs': Unable to parse input string as an integer, exceeded maximum size",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "an amount without a unit",
        _compare("--memory", "16"),
        "--memory: 16 of what? Give a unit: B, KiB, MiB, GiB, TiB, kB, MB, GB, TB",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "a limit of memory below any run",
        _compare("--max-memory", "1kB"),
        "--max-memory: give 1 MiB to 1 EiB, such as 20GiB, not '1kB'",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "a device that does not exist",
        _compare("--device", "tpu"),
        "--device: give auto, cpu, cuda or cuda:INDEX, not 'tpu'",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "--resume without a directory",
        _compare("--resume"),
        "--resume needs --out, the directory to go on in",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "an empty --out, as of a variable that is not set",
        _compare("--out", ""),
        "--out is given an empty value; give another, or leave it out",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "a home directory of nobody",
        _compare("--model", "~nobody-here/model"),
        "unknown model '~nobody-here/model'",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "a data set in a home directory of nobody",
        _compare("--dataset", "~nobody-here/x.csv"),
        "unknown data set '~nobody-here/x.csv'",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "a model whose name is no UTF-8",
        _compare("--model", "m\udcff"),
        "unknown model 'm\\udcff'",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "a data set whose name is no UTF-8",
        _compare("--dataset", "d\udcff.csv"),
        "unknown data set 'd\\udcff.csv'",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "a model whose name is longer than a file's can be",
        _compare("--model", "m" * 300),
        "… (300 characters): File name too long; give another name",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "results whose directory has a name longer than one can be",
        _asked("report", "r" * 300),
        "… (300 characters): File name too long; give another name",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "a model that does not exist",
        _compare("--model", "minilm-l7"),
        "unknown model 'minilm-l7'. Did you mean minilm-l6?",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "a data set that does not exist",
        _compare("--dataset", "bbc-new"),
        "unknown data set 'bbc-new'. Did you mean bbc-news?",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "an empty --base",
        _asked("gate", "--base="),
        "--base is given an empty value; give another, or leave it out",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "a base that git does not know",
        _asked("gate", "--base", "no-such-ref"),
        "--base no-such-ref: no such directory, and no git repository here that could have such a ref",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "a base that looks like an option of git",
        _asked("gate", "--base=--upload-pack=touch x"),
        "--base --upload-pack=touch x: no such directory, and no git repository here that could have such a ref",
        2,
        NOTHING,
    ),
    Fault(
        REQUEST,
        "results that do not exist",
        _asked("report", "no-such-directory"),
        "no-such-directory holds no runs; give a directory that `bench compare` wrote",
        2,
        NOTHING,
    ),
    Fault(
        FILE,
        "settings that are no TOML",
        _with_file("bench.toml", "epochs = ", "compare"),
        "--config bench.toml is not valid TOML: Invalid value (at end of document)",
        2,
        NOTHING,
    ),
    Fault(
        FILE,
        "a setting that does not exist",
        _with_file("bench.toml", "epoch = 2", "compare"),
        "unknown setting in bench.toml 'epoch'. Did you mean epochs?",
        2,
        NOTHING,
    ),
    Fault(
        FILE,
        "settings in 400 brackets",
        _with_file("bench.toml", f"x = {_NESTED}", "compare"),
        "--config bench.toml is not valid TOML: Invalid value (at end of document)",
        2,
        NOTHING,
    ),
    Fault(
        FILE,
        "settings that are no text",
        _with_file("bench.toml", b"\xff\xfe\x00", "compare"),
        "--config bench.toml is not valid TOML: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
        2,
        NOTHING,
    ),
    Fault(
        FILE,
        "settings in a pipe that nobody writes to",
        _with_pipe("bench.toml", "compare", "--config", "bench.toml"),
        "--config bench.toml: it is no regular file; name a TOML file",
        2,
        NOTHING,
    ),
    Fault(
        FILE,
        "a baseline in a pipe that nobody writes to",
        _with_pipe("base.json", "baseline", "show", "base.json"),
        "base.json: it is no regular file; name a file written by `bench baseline save`",
        2,
        NOTHING,
    ),
    Fault(
        FILE,
        "benchmarks in a pipe that nobody writes to",
        _with_pipe("b.json", "baseline", "save", "new.json", "--from", "b.json"),
        "b.json: it is no regular file; name files written by pytest --benchmark-json",
        2,
        NOTHING,
    ),
    Fault(
        FILE,
        "a strategy's file that is a pipe that nobody writes to",
        _with_pipe("mine.py", "compare", "--strategies", "./mine.py:Mine"),
        "strategy ./mine.py:Mine: mine.py cannot be read from",
        2,
        NOTHING,
    ),
    Fault(
        FILE,
        "rules in 400 brackets",
        _with_file("rules.toml", f"x = {_NESTED}", "compare", "--gate", "rules.toml"),
        "--gate rules.toml is not valid TOML: Invalid value (at end of document)",
        2,
        NOTHING,
    ),
    Fault(
        FILE,
        "a rule that says nothing",
        _with_file("rules.toml", "[[rule]]\n", "compare", "--gate", "rules.toml"),
        "unknown key 'rule'. Did you mean rules?",
        2,
        NOTHING,
    ),
    Fault(
        FILE,
        "a file where results are to go",
        _with_file("results", "mine", "compare", "--out", "results"),
        "cannot write to results (Not a directory); give another directory with --out",
        2,
        "the file is left as it is",
    ),
    Fault(
        FILE,
        "a file in place of results",
        _with_file("results", "mine", "report", "results"),
        "results is a file; give a directory that `bench compare` wrote",
        2,
        NOTHING,
    ),
    Fault(
        FILE,
        "a strategy's file with an error",
        _with_file("mine.py", "class Mine(:", "compare", "--strategies", "./mine.py:Mine"),
        "mine.py cannot be imported: SyntaxError: invalid syntax (mine.py, line 1)",
        2,
        NOTHING,
    ),
    Fault(
        FILE,
        "a strategy's file that exits the interpreter",
        _with_file("mine.py", "import sys; sys.exit(0)", "compare", "--strategies", "./mine.py:Mine"),
        "mine.py, line 1, cannot be imported: SystemExit: 0",
        2,
        NOTHING,
    ),
    Fault(
        FILE,
        "a strategy's file that kills its process",
        _with_file("mine.py", "import os; os.kill(os.getpid(), 9)", "compare", "--strategies", "./mine.py:Mine"),
        "strategy ./mine.py:Mine cannot be used: its process was ended by SIGKILL",
        2,
        NOTHING,
    ),
    Fault(
        FILE,
        "a strategy's file that never ends",
        _with_file("mine.py", "while True: pass", "compare", "--strategies", "./mine.py:Mine", "--timeout", "2"),
        "strategy ./mine.py:Mine cannot be used: it gave no answer within 2 s",
        2,
        NOTHING,
    ),
    Fault(
        FILE,
        "a baseline with a number of 400 digits",
        _with_file("base.json", _BASELINE.replace("419430400", "9" * 400), "baseline", "show", "base.json"),
        "base.json is no baseline of schema 1 or 2: strategies.full.pairs.0.processes.0.training_memory_bytes: ",
        2,
        NOTHING,
    ),
    Fault(
        FILE,
        "benchmarks in 200,000 brackets",
        _with_file("b.json", "[" * 200_000, "baseline", "save", "new.json", "--from", "b.json"),
        "--from b.json: the file is no whole JSON of pytest-benchmark: maximum recursion depth exceeded",
        2,
        NOTHING,
    ),
    Fault(
        FILE,
        "benchmarks without a name",
        _with_file(
            "b.json",
            '{"benchmarks": [{"fullname": 1, "stats": {"median": 1}}]}',
            "baseline",
            "save",
            "new.json",
            "--from",
            "b.json",
        ),
        "--from b.json: the file is no whole JSON of pytest-benchmark: ",
        2,
        NOTHING,
    ),
    Fault(
        RECORD,
        "empty",
        _content(b""),
        "is left out: not a record of schema 1: the file: Invalid JSON: EOF while parsing a value",
        0,
        OTHERS,
    ),
    Fault(
        RECORD,
        "cut in half",
        _with_record(lambda path: path.write_bytes(path.read_bytes()[:1000]) and None),
        "is left out: not a record of schema 1: the file: Invalid JSON: EOF while parsing an object",
        0,
        OTHERS,
    ),
    Fault(
        RECORD,
        "a list",
        _content(b"[1]"),
        "is left out: not a record of schema 1: the file: Input should be an object",
        0,
        OTHERS,
    ),
    Fault(
        RECORD,
        "200,000 brackets",
        _content(b"[" * 200_000),
        "is left out: not a record of schema 1: the file: Invalid JSON: recursion limit exceeded",
        0,
        OTHERS,
    ),
    Fault(
        RECORD,
        "of bytes that are no text",
        _content(bytes(range(256))),
        "is left out: not a record of schema 1: the file: Invalid JSON: expected value",
        0,
        OTHERS,
    ),
    Fault(
        RECORD,
        "in UTF-16",
        _with_record(lambda path: path.write_text(path.read_text(), "utf-16") and None),
        "is left out: not a record of schema 1: the file: Invalid JSON: expected value",
        0,
        OTHERS,
    ),
    Fault(
        RECORD,
        "of another schema",
        _edited(_set(9, "schema_version")),
        "is left out: a record of schema version 9, but this bench reads version 1; read it with the version of bench that wrote it",
        0,
        OTHERS,
    ),
    Fault(
        RECORD,
        "with a field of a later version",
        _edited(_set(1, "measured", "of_later")),
        "freeze:last=1",
        0,
        "all runs are reported",
    ),
    Fault(
        RECORD,
        "with a time that has no zone",
        _edited(_set("2026-01-01T00:00:00", "started_at")),
        "is left out: not a record of schema 1: started_at: Input should have timezone info",
        0,
        OTHERS,
    ),
    Fault(
        RECORD,
        "with an accuracy of 5",
        _edited(_set(5, "measured", "evaluation", "accuracy")),
        "is left out: not a record of schema 1: measured.evaluation.accuracy: Input should be less than or equal to 1",
        0,
        OTHERS,
    ),
    Fault(
        RECORD,
        "with a negative time",
        _edited(_set(-1, "measured", "train_seconds")),
        "is left out: not a record of schema 1: measured.train_seconds: Input should be greater than or equal to 0.000000001",
        0,
        OTHERS,
    ),
    Fault(
        RECORD,
        "with no rows",
        _edited(_set(0, "measured", "num_samples")),
        "is left out: not a record of schema 1: measured.num_samples: Input should be greater than or equal to 1",
        0,
        OTHERS,
    ),
    Fault(
        RECORD,
        "with a number beyond 64 bits",
        _edited(_set(2**70, "measured", "num_params")),
        "is left out: not a record of schema 1: measured.num_params: Input should be less than or equal to 9223372036854775807",
        0,
        OTHERS,
    ),
    Fault(
        RECORD,
        "with a number that is none",
        _edited(_set(float("nan"), "measured", "train_seconds")),
        "is left out: not a record of schema 1: measured.train_seconds: Input should be a finite number",
        0,
        OTHERS,
    ),
    Fault(
        RECORD,
        "with a rate beyond all machines",
        _edited(_set(1e308, "measured", "samples_per_second")),
        "is left out: not a record of schema 1: measured.samples_per_second: Input should be less than or equal to 1000000000000000000000000000000",
        0,
        OTHERS,
    ),
    Fault(
        RECORD,
        "with fewer losses than steps",
        _edited(_set([1.0], "measured", "losses")),
        "is left out: not a record of schema 1: measured: Value error, losses has 1 entries, but num_steps is 24",
        0,
        OTHERS,
    ),
    Fault(
        RECORD,
        "with half a surrogate in a name",
        _edited(_set("\udcff", "spec", "workload", "model")),
        "is left out: not a record of schema 1: the file: Invalid JSON: lone leading surrogate in hex escape",
        0,
        OTHERS,
    ),
    Fault(RECORD, "a directory", _replaced(Path.mkdir), "is left out: it is no regular file", 0, OTHERS),
    Fault(
        RECORD, "a pipe that nobody writes to", _replaced(os.mkfifo), "is left out: it is no regular file", 0, OTHERS
    ),
    Fault(
        RECORD,
        "a link to itself",
        _replaced(lambda path: path.symlink_to(path)),
        "is left out: Too many levels of symbolic links",
        0,
        OTHERS,
    ),
    Fault(
        RECORD,
        "a link to nothing",
        _replaced(lambda path: path.symlink_to("nothing")),
        "is left out: No such file or directory",
        0,
        OTHERS,
    ),
    Fault(
        RECORD,
        "a link out of the directory",
        _replaced(lambda path: path.symlink_to("/etc/hostname")),
        "leads out of the directory; it is left out",
        0,
        OTHERS,
    ),
)

NONE = "\N{EN DASH}"
ALL = "what ended is kept and reported"
NEXT = "the next run begins"
OF_PROCESSES = (
    OfProcess(
        "Ctrl-C, SIGTERM, or SIGHUP of a terminal that is closed",
        "interrupted",
        "130, 143, 129",
        f"{ALL}; no process is left",
        "test_faults.py::test_a_comparison_that_is_asked_to_end_leaves_a_report_and_no_process",
    ),
    OfProcess(
        "the terminal itself is gone",
        "interrupted",
        "129",
        ALL,
        "test_faults.py::test_a_comparison_in_a_terminal_that_is_closed_keeps_its_report",
    ),
    OfProcess(
        "Ctrl-C while torch is imported",
        NONE,
        "130",
        "one line, at once",
        "test_faults.py::test_a_ctrl_c_while_torch_is_imported_ends_at_once_and_says_one_line",
    ),
    OfProcess(
        "a second Ctrl-C while a run ends",
        "interrupted",
        "130",
        "the run is killed at once",
        "executors/test_process.py::test_a_second_ctrl_c_does_not_wait_for_the_run_to_end_by_itself",
    ),
    OfProcess(
        "Ctrl-C while it waits for another bench",
        "interrupted",
        "130",
        ALL,
        "executors/test_local.py::test_a_ctrl_c_while_waiting_is_a_row_without_memory",
    ),
    OfProcess(
        "SIGKILL of the comparison",
        NONE,
        "137",
        "what ended; the next comparison removes what was stored, and the socket",
        "test_faults.py::test_what_a_killed_comparison_stored_is_removed_by_the_next",
    ),
    OfProcess(
        "a hundred of them, at any moment",
        NONE,
        "137",
        "every finished run once, none half-written, nothing left",
        "faults/test_kills.py::test_a_hundred_kills_lose_and_leave_nothing",
    ),
    OfProcess(
        "SIGKILL, SIGSEGV or any signal to a run",
        "killed",
        "1",
        f"its memory so far; {NEXT}",
        "executors/test_process.py::test_a_killed_run_is_a_row_with_the_signal_and_the_memory_so_far",
    ),
    OfProcess(
        "SIGKILL to the fork server that starts runs",
        "killed",
        "1",
        f"the signal; {NEXT}",
        "executors/test_process.py::test_a_run_whose_fork_server_is_killed_says_so_and_the_next_has_another",
    ),
    OfProcess(
        "a run that ends without a word",
        "failed",
        "1",
        NEXT,
        "executors/test_process.py::test_a_run_that_ends_without_a_last_message_failed",
    ),
    OfProcess(
        "a run that raises",
        "failed",
        "1",
        f"its traceback; {NEXT}",
        "executors/test_child.py::test_an_exception_is_a_failed_row_with_its_traceback",
    ),
    OfProcess(
        "a run that talks nonsense",
        "failed",
        "1",
        NEXT,
        "executors/test_local.py::test_a_run_that_talks_nonsense_is_ended",
    ),
    OfProcess(
        "a run beyond --timeout",
        "timeout",
        "1",
        f"no process is left; {NEXT}",
        "executors/test_process.py::test_a_run_past_the_limit_is_ended_with_all_that_it_started",
    ),
    OfProcess(
        "a run beyond --max-memory",
        "oom",
        "1",
        f"no process is left; {NEXT}",
        "executors/test_process.py::test_a_run_beyond_the_memory_that_it_may_take_is_ended_with_all_that_it_started",
    ),
    OfProcess(
        "one of several processes of a run (--nproc) that is killed, in mid-training",
        "killed",
        "1",
        f"the reason of that one; no process is left; {NEXT}",
        "worker/test_meeting.py::test_a_process_that_is_killed_in_mid_run_is_the_reason_and_its_peer_ends",
    ),
    OfProcess(
        "one of several that runs out of memory, raises or ends without a word",
        "oom, failed",
        "1",
        f"the reason of that one, not of those that lost it; no process is left; {NEXT}",
        "executors/test_ranks.py::test_a_lost_rank_gives_one_row_with_its_reason_in_seconds_and_leaves_no_process",
    ),
    OfProcess(
        "one of several processes of a run that is lost while its model is kept (--save-model)",
        "ok",
        "0",
        "the numbers; the flag `not-saved` has the reason of that one, and the model is not kept",
        "executors/test_ranks.py::test_a_rank_that_is_lost_while_weights_are_kept_costs_them_and_no_number",
    ),
    OfProcess(
        "a run's process of a follower that torchrun or srun started is killed, runs out of memory or ends without a word",
        "killed, oom, failed",
        "1",
        f"the reason of that one; no process is left; {NEXT}",
        "executors/test_followers.py::test_a_lost_process_gives_one_row_with_its_reason_and_the_next_run_goes_on",
    ),
    OfProcess(
        "a follower itself is killed",
        "failed",
        "1",
        "which rank is gone, on which node, within some 15 s; no other run begins, and --resume goes on",
        "executors/test_followers.py::test_a_follower_that_is_gone_is_the_reason_and_no_other_run_begins",
    ),
    OfProcess(
        "rank 0 of processes that torchrun or srun started is killed",
        "",
        "137",
        "the followers end with their processes; no process is left; --resume goes on",
        "executors/test_follower.py::test_with_rank_0_all_ends_and_no_process_is_left",
    ),
    OfProcess(
        "one of several that hangs, with --timeout",
        "timeout",
        "1",
        f"no process is left; {NEXT}",
        "executors/test_ranks.py::test_a_rank_that_hangs_ends_with_the_time_of_the_run",
    ),
    OfProcess(
        "a run that does not end by itself",
        "ok",
        "0",
        "its numbers, with a flag",
        "executors/test_local.py::test_a_finished_run_that_does_not_end_by_itself_is_ok_with_a_doubt",
    ),
    OfProcess(
        "a loss that is no number",
        "diverged",
        "1",
        NEXT,
        "test_faults.py::test_a_loss_that_is_no_number_ends_its_run_and_the_others_complete",
    ),
    OfProcess(
        "a strategy that raises for this model",
        "failed",
        "1",
        NEXT,
        "test_faults.py::test_strategies_that_raise_get_their_rows_and_those_of_a_plugin_that_work_complete",
    ),
    OfProcess(
        "a plug-in that raises, exits, forks, prints megabytes or never ends",
        NONE,
        "2",
        "it is named; the others can be listed and used",
        "campaign/test_preflight.py::test_a_broken_strategy_is_named_in_one_line_and_leaves_nothing_behind",
    ),
    OfProcess(
        "another bench measures on this machine",
        "ok",
        "0",
        "it waits, and says so once",
        "test_faults.py::test_a_second_comparison_waits_for_the_first_and_says_so",
    ),
    OfProcess(
        "another bench writes to the same directory",
        NONE,
        "2",
        "the first goes on",
        "records/test_store.py::test_two_processes_do_not_write_to_one_directory",
    ),
    OfProcess(
        "a full disk when a record is written",
        "ok",
        "1",
        f"the record is printed; {NEXT}",
        "cli/test_compare.py::test_a_disk_that_is_full_for_a_while_costs_the_row_of_then_alone",
    ),
    OfProcess(
        "a full disk when a report is written",
        "ok",
        "1",
        "every record; what it says is printed",
        "cli/test_compare.py::test_results_that_cannot_be_written_as_a_report_are_shown",
    ),
    OfProcess(
        "a disk without room for what `cached` stores",
        "skipped",
        "0",
        "the others run; nothing is left of it",
        "training/test_activation_cache.py::test_what_has_no_room_on_the_disk_is_refused_and_leaves_nothing",
    ),
    OfProcess(
        "a cache that cannot be written",
        NONE,
        "2",
        "the directory is named",
        "test_cache.py::test_a_cache_that_cannot_be_written_is_named",
    ),
    OfProcess(
        "a power cut while a file is written",
        NONE,
        NONE,
        "the old file or the new, never a part",
        "test_files.py::test_a_file_is_on_the_disk_before_it_has_its_name_and_the_name_after",
    ),
    OfProcess(
        "a library's bar of progress as weights are kept (--save-model)",
        "ok",
        "0",
        "nothing of it is shown",
        "worker/test_saving.py::test_adapters_and_head_are_those_that_were_trained",
    ),
    OfProcess(
        "an error without a word",
        "failed or oom",
        "1",
        "the row says which, and that it says no more",
        "worker/test_failure.py::test_an_error_ends_a_run_in_one_line",
    ),
    OfProcess(
        "a stdout that is full",
        NONE,
        "1",
        "everything is written before",
        "test_faults.py::test_a_stdout_that_takes_no_more_is_one_line",
    ),
    OfProcess(
        "a stdout or stderr that is closed (`>&-`)",
        "ok",
        "0",
        "everything; what would be printed goes nowhere, and into no file",
        "test_faults.py::test_what_would_be_printed_to_a_closed_file_goes_nowhere",
    ),
    OfProcess(
        "a directory that is removed while one stands in it",
        NONE,
        "2",
        "nothing is begun",
        "test_faults.py::test_a_directory_that_is_gone_is_one_line",
    ),
    OfProcess(
        "a project with names of ours, `strategies` or `reports`, where it is started",
        "ok",
        "0",
        "nothing of it is run",
        "test_beside.py::test_a_comparison_and_its_report_are_alike",
    ),
    OfProcess(
        "an encoding of stdout that lacks a sign",
        NONE,
        "0",
        "the sign is written as its number",
        "test_faults.py::test_an_encoding_that_lacks_a_sign_is_no_reason_to_end",
    ),
    OfProcess(
        "names from outside in progress, on pages and in CSV",
        "ok",
        "0",
        "one line, and nothing in it is obeyed",
        "campaign/test_progress.py::test_no_name_is_obeyed",
    ),
    OfProcess(
        "text that a spreadsheet would calculate",
        "ok",
        "0",
        "it stands behind an apostrophe",
        "records/test_table.py::test_no_beginning_of_a_formula_is_left",
    ),
    OfProcess(
        "code that comes with a model, or weights that are a pickle",
        NONE,
        "2",
        "nothing of it is run",
        "workload/models/test_load.py::test_code_that_comes_with_a_model_is_never_run",
    ),
    OfProcess(
        "an archive of a preset with a path that leads out of it",
        NONE,
        "2",
        "nothing is unpacked there",
        "workload/assets/test_wheels.py::test_a_member_that_points_outside_is_refused",
    ),
    OfProcess(
        "an archive of a preset that grows beyond all of them",
        NONE,
        "2",
        "nothing is unpacked",
        "workload/assets/test_wheels.py::test_a_wheel_that_grows_too_large_is_refused",
    ),
    OfProcess(
        "Ctrl-C, a kill or a timeout in a run of over half an hour",
        "as above",
        "as above",
        "its checkpoint: --resume goes on within the run, to the same losses, without times",
        "campaign/test_campaign.py::test_a_run_that_was_interrupted_goes_on_from_its_checkpoint",
    ),
    OfProcess(
        "a checkpoint that is cut, or of other data, weights, code or versions",
        "ok",
        "0",
        "it is left aside with a sentence; the run begins anew",
        "training/test_checkpoints.py::test_what_does_not_fit_is_left_aside_and_the_run_begins_anew",
    ),
    OfProcess(
        "a checkpoint of several processes (--nproc) of which one has none, or one of another step or attempt",
        "ok",
        "0",
        "it is left aside with a sentence; the run begins anew",
        "training/test_checkpoint_files.py::test_parts_that_do_not_fit_together_are_left_aside_and_the_run_begins_anew",
    ),
    OfProcess(
        "a checkpoint that would run code",
        "ok",
        "0",
        "nothing in it is run; the run begins anew",
        "training/test_checkpoints.py::test_nothing_in_a_file_is_run",
    ),
    OfProcess(
        "a disk without room for a checkpoint",
        "ok",
        "0",
        "the run goes on without, with a flag",
        "training/test_checkpoints.py::test_a_full_disk_costs_the_checkpoint_alone",
    ),
    OfProcess(
        "data that were changed before --resume",
        "ok",
        "2",
        "the runs are not compared",
        "cli/test_compare.py::test_runs_on_data_that_changed_between_them_are_not_compared",
    ),
    OfProcess(
        "weights that were replaced before --resume",
        "ok",
        "2",
        "the runs are not compared",
        "cli/test_compare.py::test_runs_on_weights_that_were_replaced_in_between_are_not_compared",
    ),
    OfProcess(
        "a strategy's file that was edited before --resume",
        "ok",
        "2",
        "nothing is run",
        "test_faults.py::test_a_strategy_of_a_file_runs_in_fresh_processes_and_is_not_compared_with_what_it_was_before_an_edit",
    ),
    OfProcess(
        "a gate that is interrupted, or killed",
        NONE,
        "130, 143, 129",
        "no checkout stays in the repository; after SIGKILL the next gate removes it",
        "gate/sampling/test_server.py::test_no_process_outlives_the_gate",
    ),
    OfProcess(
        "a head that crashes", NONE, "5", "never green", "gate/sampling/test_sample.py::test_a_crash_is_never_green"
    ),
    OfProcess(
        "a head that hangs",
        NONE,
        "5",
        "it is ended at --timeout",
        "gate/sampling/test_sample.py::test_a_hanging_side_is_ended",
    ),
    OfProcess(
        "a head that hangs as it is imported",
        NONE,
        "5",
        "it is ended at --timeout",
        "gate/sampling/test_sample.py::test_a_side_that_hangs_as_it_is_imported_is_ended",
    ),
)
"""As seen by whoever compares, but for the last four, which a gate sees."""
