"""Whatever goes wrong, with the real command in processes of its own: every run gets its row, and the others complete.

The strategies come from `tests/plugin`, an installed package of a third party.
"""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import psutil
import pytest

from bench.records.store import Store
from bench.workload.toy import save_tiny_llama, save_toy_reviews

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bench.records.record import RunRecord

PATIENCE_SECONDS = 240
ROOT = Path(__file__).parents[1]
BENCH = [sys.executable, "-m", "bench"]


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the package of a third party, without an index, into a directory of its own."""
    folder = tmp_path_factory.mktemp("plugin")
    source = shutil.copytree(Path(__file__).with_name("plugin"), folder / "source")  # building writes beside the source
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", folder / "site", source], check=True, timeout=240
    )
    return folder / "site"


@pytest.fixture(scope="module")
def workload(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Options that name a tiny model and tiny data, for six steps."""
    folder = tmp_path_factory.mktemp("workload")
    model, data = save_tiny_llama(folder / "tiny"), save_toy_reviews(folder / "reviews.csv")
    options = ["--model", str(model), "--dataset", str(data), "--device", "cpu", "--steps", "6"]
    return [*options, "--batch-size", "8", "--train-samples", "24", "--eval-samples", "12", "--no-forecast"]


def environment_in(folder: Path, plugin: Path) -> dict[str, str]:
    own = {"BENCH_CACHE_DIR": folder / "cache", "BENCH_LOCK_DIR": folder, "PAUSED": folder / "paused"}
    path = os.pathsep.join(filter(None, [str(plugin), str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**os.environ, **{name: str(value) for name, value in own.items()}, "PYTHONPATH": path}


@pytest.fixture
def environment(plugin: Path, tmp_path: Path) -> dict[str, str]:
    """Where the plugin is installed, and nobody else measures or caches."""
    return environment_in(tmp_path, plugin)


def hears_signals() -> None:
    """Ignore no signal, whatever the process ignores that runs the tests, such as one of `nohup`."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@contextmanager
def starting(environment: dict[str, str], folder: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the command as a shell does, in a process group of its own; at the end none is left."""
    started: list[subprocess.Popen[str]] = []

    def start(arguments: Sequence[str], name: str = "bench") -> subprocess.Popen[str]:
        """Its output goes to the files `name`.out and `name`.err."""
        with (folder / f"{name}.out").open("w") as out, (folder / f"{name}.err").open("w") as err:
            process = subprocess.Popen(
                [*BENCH, *arguments],
                stdout=out,
                stderr=err,
                text=True,
                env=environment,
                start_new_session=True,
                preexec_fn=hears_signals,  # noqa: PLW1509  (it takes no lock)
            )
        started.append(process)
        return process

    try:
        yield start
    finally:
        for process in started:
            process.kill()
            process.wait(PATIENCE_SECONDS)


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start the command in a directory of this test."""
    with starting(environment, tmp_path) as start:
        yield start


def eventually(is_so: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait for something that `process` is to do."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert process.poll() is None, f"it ended with exit code {process.returncode} before its time"
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)


def by_name(out: Path) -> dict[str, RunRecord]:
    return {record.spec.name: record for record in Store(out).read_all()}


def assert_rendered(out: Path, status: dict[str, str]) -> None:
    """Every way to read the results has these rows."""
    table = pd.read_csv(out / "results.csv")
    assert dict(zip(table["strategy"], table["status"], strict=True)) == status
    for name in ("report.html", "summary.md"):
        text = (out / name).read_text()
        assert all(strategy in text for strategy in status)


EXPLODING = "discriminative:body=1e30:head=1e30"
STATUS = {
    "topmost:share=0.5": "ok",
    "confused": "failed",
    "stumbling": "failed",
    EXPLODING: "diverged",
    "pausing": "killed",
    "full": "ok",
    "own-adamw": "ok",
    "topmost+llrd": "ok",
}
"""How each ends in the comparison of `mishaps`."""


@dataclass(frozen=True)
class Mishaps:
    out: Path
    printed: str
    complaints: str
    records: dict[str, RunRecord]


@pytest.fixture(scope="module")
def mishaps(plugin: Path, workload: list[str], tmp_path_factory: pytest.TempPathFactory) -> Mishaps:
    """One comparison in which runs raise, diverge and are killed, between others that complete."""
    folder = tmp_path_factory.mktemp("mishaps")
    out, paused = folder / "results", folder / "paused"
    with starting(environment_in(folder, plugin), folder) as start:
        process = start(["compare", "--strategies", ",".join(STATUS), *workload, "--out", str(out)])
        eventually(paused.exists, process)
        run = psutil.Process(int(paused.read_text()))
        assert run in psutil.Process(process.pid).children(recursive=True)
        run.kill()
        assert process.wait(2 * PATIENCE_SECONDS) == 1
    said = (folder / "bench.err").read_text()
    assert_rendered(out, STATUS)
    return Mishaps(out, (folder / "bench.out").read_text(), said, by_name(out))


def test_strategies_that_raise_get_their_rows_and_those_of_a_plugin_that_work_complete(mishaps: Mishaps) -> None:
    records = mishaps.records
    assert "Traceback" not in mishaps.complaints
    assert records["topmost:share=0.5"].changes["phases"] == "only the head and the last 2 layers train"
    assert records["confused"].reason == "RuntimeError: no idea what to do with 6 layers"
    assert records["stumbling"].reason == "ValueError: stumbled over a stone"
    assert records["stumbling"].phase == "train"
    for name in ("confused", "stumbling"):
        traceback = records[name].traceback
        assert traceback is not None
        assert "misbehaving_strategies.py" in traceback
        assert f"{name} failed: {records[name].reason}." in " ".join(mishaps.printed.split())


def test_the_same_adamw_from_a_plugin_is_no_different(mishaps: Mishaps) -> None:
    full, own = (mishaps.records[name].measured for name in ("full", "own-adamw"))
    assert full is not None
    assert own is not None
    assert own.losses == full.losses
    assert own.evaluation.correct == full.evaluation.correct
    parts = [measured.memory.parts for measured in (full, own)]
    sizes = {(it.weights_bytes, it.gradients_bytes, it.optimizer_bytes) for it in parts if it}
    assert len(sizes) == 1, "to the byte"
    assert own.work is not None
    assert full.work is not None
    assert own.work.step_flops == full.work.step_flops
    compared = pd.read_csv(mishaps.out / "comparison.csv", keep_default_na=False).set_index(["strategy", "metric"])
    for metric in ("training_memory_bytes", "accuracy"):
        letters = {compared.loc[(name, metric), "letters"] for name in ("full", "own-adamw")}
        assert len(letters) == 1, f"no difference of {metric} is detected"


def test_a_run_that_is_killed_while_it_trains_gets_its_row_and_the_others_complete(mishaps: Mishaps) -> None:
    killed = mishaps.records["pausing"]
    assert killed.phase == "train"
    assert killed.reason is not None
    assert killed.reason.startswith("its process was ended by SIGKILL")


def test_a_loss_that_is_no_number_ends_its_run_and_the_others_complete(mishaps: Mishaps) -> None:
    assert "the loss" in str(mishaps.records[EXPLODING].reason)


def test_strategies_of_a_plugin_are_listed_and_a_broken_one_says_why(environment: dict[str, str]) -> None:
    listed = subprocess.run(
        [*BENCH, "list", "strategies"],
        capture_output=True,
        text=True,
        env={**environment, "COLUMNS": "250"},
        timeout=PATIENCE_SECONDS,
        check=True,
    ).stdout
    lines = {line.split()[0]: " ".join(line.split()) for line in listed.splitlines() if line.strip()}
    works = {"freeze", "full", "topmost", "own-adamw", "confused", "stumbling", "pausing", "leaving", "chatting"}
    assert works | {"absent", "exiting"} <= lines.keys()
    said = "Train the head and the topmost layers, a `share` of all."
    assert lines["topmost"] == f"topmost {said}"
    assert "options: share=0.25" in listed
    assert "does not run here: its edit raises RuntimeError: no idea what to do" in listed
    assert "cannot be used: strategy 'absent' cannot be imported from misbehaving_strategies:Absent" in " ".join(
        listed.split()
    )
    assert (
        "cannot be used: strategy 'exiting' cannot be imported from exits_at_import:Exiting: SystemExit: 0"
        in " ".join(listed.split())
    )


MINE = """
from dataclasses import dataclass
from typing import ClassVar

from bench.plan import Edit


@dataclass(frozen=True)
class Slower:
    share: float = 0.25

    def edit(self, view):
        return Edit(lr_scale=tuple((name, self.share) for name in view.names))


@dataclass(frozen=True)
class Lacking:
    needs: ClassVar[tuple[str, ...]] = ("no_such_package",)

    def edit(self, view):
        return Edit()
"""


def test_a_strategy_of_a_file_runs_in_fresh_processes_and_is_not_compared_with_what_it_was_before_an_edit(
    environment: dict[str, str], workload: list[str], tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    named, lacking = "./mine.py:Slower:lr=0.001:share=0.5", "./mine.py:Lacking"

    def compare(strategies: str, *more: str) -> subprocess.CompletedProcess[str]:
        arguments = ["compare", "--strategies", strategies, *workload, "--out", "results", *more]
        return subprocess.run(
            [*BENCH, *arguments],
            capture_output=True,
            text=True,
            env=environment,
            cwd=tmp_path,
            timeout=PATIENCE_SECONDS,
            check=False,
        )

    done = compare(f"{named},{lacking},full")
    assert done.returncode == 0, done.stderr
    assert_rendered(tmp_path / "results", {named: "ok", lacking: "skipped", "full": "ok"})
    records = by_name(tmp_path / "results")
    assert records[lacking].reason == "needs no_such_package: pip install no_such_package"
    measured = records[named].measured
    assert measured is not None
    assert {rate.lr for rate in measured.layer_rates} == {5e-4}
    assert measured.strategy_code is not None
    assert measured.strategy_code["./mine.py:Slower"].startswith("sha256:")

    (tmp_path / "mine.py").write_text(MINE.replace("0.25", "0.75"))
    done = compare(named, "--resume", "--seeds", "2")
    assert done.returncode == 2
    assert "the code of ./mine.py:Slower is not that of its runs in results (sha256:" in done.stderr
    assert by_name(tmp_path / "results") == records, "nothing was run"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_comparison_that_is_asked_to_end_leaves_a_report_and_no_process(
    start: Callable[..., subprocess.Popen[str]], workload: list[str], tmp_path: Path, number: signal.Signals, code: int
) -> None:
    out, paused = tmp_path / "results", tmp_path / "paused"
    process = start(["compare", "--strategies", "pausing", "--seeds", "2", *workload, "--out", str(out)])
    eventually(paused.exists, process)
    children = psutil.Process(process.pid).children(recursive=True)
    assert int(paused.read_text()) in {child.pid for child in children}
    os.killpg(process.pid, number)  # as a terminal does

    assert process.wait(PATIENCE_SECONDS) == code
    _, alive = psutil.wait_procs(children, PATIENCE_SECONDS)
    assert alive == []
    assert_rendered(out, {"pausing": "interrupted"})
    (record,) = Store(out).read_all()
    assert record.reason == "interrupted in train"
    assert list(out.glob(".shelf-*")) == []
    assert f"report: {out / 'report.html'}" in (tmp_path / "bench.out").read_text()
    errors = (tmp_path / "bench.err").read_text()
    assert f"what ended is kept, and the same command with --resume --out {out} goes on" in errors
    assert "Traceback" not in errors


def test_a_comparison_in_a_terminal_that_is_closed_keeps_its_report(
    environment: dict[str, str], workload: list[str], tmp_path: Path
) -> None:
    out, paused = tmp_path / "results", tmp_path / "paused"
    arguments = [*BENCH, "compare", "--strategies", "pausing", *workload, "--out", str(out)]
    pid, terminal = pty.fork()
    if not pid:  # its terminal is its own
        hears_signals()
        os.execvpe(arguments[0], arguments, environment)
    until = time.monotonic() + PATIENCE_SECONDS
    while not paused.exists():
        assert time.monotonic() < until
        if select.select([terminal], [], [], 0.05)[0]:
            os.read(terminal, 4096)
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 129
    assert_rendered(out, {"pausing": "interrupted"})


def test_what_a_killed_comparison_stored_is_removed_by_the_next(
    start: Callable[..., subprocess.Popen[str]], environment: dict[str, str], workload: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "results"
    arguments = ["compare", "--strategies", "pausing", *workload, "--out", str(out)]
    (tmp_path / "tmp").mkdir()
    environment["TMPDIR"] = str(tmp_path / "tmp")
    killed = start(arguments)
    eventually((tmp_path / "paused").exists, killed)
    killed.kill()
    killed.wait(PATIENCE_SECONDS)
    assert len(list(out.glob(".shelf-*"))) == 1
    (out / "runs" / ".one.json.0f.tmp").write_text("{")
    (tmp_path / "paused").unlink()
    again = start([*arguments[:2], "full", *arguments[3:], "--resume"], "again")
    assert again.wait(PATIENCE_SECONDS) == 0
    assert list(out.glob(".shelf-*")) == []
    assert [path for path in (tmp_path / "tmp").iterdir() if path.name.startswith(("pymp-", "bench-"))] == []
    assert not [path for path in (out / "runs").iterdir() if path.suffix != ".json"]


def test_a_ctrl_c_while_torch_is_imported_ends_at_once_and_says_one_line(
    start: Callable[..., subprocess.Popen[str]], workload: list[str], tmp_path: Path
) -> None:
    process = start(["compare", "--strategies", "full", *workload, "--out", str(tmp_path / "results")])

    def imports() -> bool:
        children = psutil.Process(process.pid).children()
        return any("forkserver" in " ".join(child.cmdline()) for child in children)

    eventually(imports, process)
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(PATIENCE_SECONDS) == 130
    assert "Traceback" not in (tmp_path / "bench.err").read_text()


def test_a_stdout_that_takes_no_more_is_one_line(environment: dict[str, str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*BENCH, "report", str(ROOT / "tests" / "golden" / "stored"), "--format", "md"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    assert done.returncode == 1
    (said,) = done.stderr.splitlines()
    assert said.startswith("bench: stdout takes no more (")


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&- <&-"])
def test_what_would_be_printed_to_a_closed_file_goes_nowhere(
    environment: dict[str, str], tmp_path: Path, closed: str
) -> None:
    stored = ROOT / "tests" / "golden" / "stored"
    report = [*BENCH, "report", str(stored), "--out", str(tmp_path)]
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *report],
        env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")


def test_a_directory_that_is_gone_is_one_line(environment: dict[str, str], tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", 'mkdir gone && cd gone && rmdir ../gone && exec "$@"', "sh", *BENCH, "list"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "bench: the directory you are in is gone; go to another\n"


def test_an_encoding_that_lacks_a_sign_is_no_reason_to_end(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [*BENCH, "recommend", str(ROOT / "tests" / "golden" / "stored")],
        capture_output=True,
        env={**environment, "PYTHONIOENCODING": "ascii"},
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_second_comparison_waits_for_the_first_and_says_so(
    start: Callable[..., subprocess.Popen[str]], workload: list[str], tmp_path: Path
) -> None:
    first = start(["compare", "--strategies", "pausing", *workload, "--out", str(tmp_path / "1")], "first")
    eventually((tmp_path / "paused").exists, first)
    second = start(["compare", "--strategies", "freeze", *workload, "--out", str(tmp_path / "2")], "second")
    said = "another bench is measuring on this machine; waiting"
    eventually(lambda: said in (tmp_path / "second.err").read_text(), second)
    assert first.poll() is None
    assert by_name(tmp_path / "2") == {}
    (tmp_path / "paused").unlink()

    assert (first.wait(PATIENCE_SECONDS), second.wait(PATIENCE_SECONDS)) == (0, 0)
    waited_for, waited = by_name(tmp_path / "1")["pausing"], by_name(tmp_path / "2")["freeze"]
    assert waited.started_at > waited_for.started_at
    assert said not in (tmp_path / "first.err").read_text()
    assert (tmp_path / "second.err").read_text().count(said) == 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (["--strategies", "freez"], "Did you mean freeze?"),
        (["--strategies", "topmos"], "Did you mean topmost?"),
        (
            ["--strategies", "full,leaving"],
            "strategy leaving (misbehaving_strategies:Leaving) cannot be used: it raised",
        ),
        (["--strategies", "full,exiting"], "cannot be imported from exits_at_import:Exiting: SystemExit: 0"),
        (["--strategies", "full,ending"], "cannot be used: its process ended with exit code 0"),
        (["--strategies", "chatting+forking"], "(misbehaving_strategies:Forking) cannot be used: it forks the process"),
        (["--epoch", "1"], "--epochs"),
        (["--model", "minilm-l7"], "Did you mean minilm-l6?"),
        (["--dataset", "bbc-new"], "Did you mean bbc-news?"),
        (["--text-column", "txt"], "Did you mean text?"),
    ],
)
def test_a_wrong_name_is_answered_before_anything_heavy_is_imported(
    wrong: list[str], words: str, environment: dict[str, str], tmp_path: Path
) -> None:
    trace = [sys.executable, "-X", "importtime", "-m", "bench", "compare", *wrong]
    done = subprocess.run(
        trace,
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    imports = re.findall(r"^import time:.*\| +(\S+)$", done.stderr, re.MULTILINE)
    (said,) = (line for line in done.stderr.splitlines() if not line.startswith("import time:"))
    assert done.returncode == 2
    assert words in said
    assert "bench.cli.app" in imports
    assert {"torch", "transformers", "datasets", "pandas", "pyarrow"}.isdisjoint(imports)
    assert list(tmp_path.iterdir()) == []
