"""Every block of code in README, CONTRIBUTING and docs is run, or says in a comment above it why not.

In plain tox the model and the data are replaced by toys, and nothing else but that runs stay in this process; long pages
run like that in `tox -e slow`. What is marked `slow` runs as it is written, in a clone of this repository. A block that is fenced with a file's name is written there.
"""

from __future__ import annotations

import configparser
import itertools
import os
import re
import shlex
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.experiment.settings import Settings
from bench.gate.judging.grammar import read_rules
from bench.records.store import Store
from bench.workload.presets import DATASETS, MODELS
from bench.workload.toy import save_tiny_llama, save_toy_reviews
from tests.docs.pages import PAGES, ROOT, Block, blocks_of
from tests.gate.projects import commit, replayed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.records.record import RunRecord

SHOWN = {"text", "yaml"}
"""What is shown only: output, grammar, and a workflow, which `tests/test_action.py` reads."""
NOT_QUICK = {"not run", "slow"}
"""Kinds of blocks that the ordinary tests leave out."""
GATED = {0, 1, 3, 4}
"""Exit codes of a judgement, whatever it finds; 2 is a wrong request."""
TICKETS = ("body", "queue")
"""Columns of the data that pages call one's own."""
LONG = {"python.md"}
"""Pages of several comparisons, run by tox -e slow; in plain tox the tour calls what they show."""


@cache
def first_pages() -> dict[tuple[str, ...], Path]:
    """Name for each command the first page that has it, where it is run."""
    found: dict[tuple[str, ...], Path] = {}
    for page in PAGES:
        for block in blocks_of(page):
            if block.language == "sh" and block.kind not in NOT_QUICK:
                for words in words_of(block):
                    found.setdefault(tuple(words), page)
    return found


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A tiny model and toy data, as the command line names them."""
    folder = tmp_path_factory.mktemp("toys")
    return str(save_tiny_llama(folder / "tiny")), str(save_toy_reviews(folder / "reviews.csv"))


@pytest.fixture
def leave_results(make_record: Callable[..., RunRecord]) -> Callable[[list[str]], None]:
    """Leave what an earlier comparison left, where a page speaks of one that it did not make."""

    def leave(words: list[str]) -> None:
        for word in itertools.takewhile(lambda word: not word.startswith("-"), words[1:]):
            if not Path(word).exists():
                with Store.open(Path(word), resume=False) as store:
                    for name, step in (("freeze", 0.3), ("full", 1.0), ("amp", 0.6)):
                        for seed in range(3):
                            store.write(make_record(name, seed=seed, step=step))

    return leave


@pytest.fixture
def run_tests(
    run_pytest: Callable[..., subprocess.CompletedProcess[str]],
) -> Callable[[Block], None]:
    """Run the tests that a block shows."""

    def run(block: Block) -> None:
        Path("test_shown.py").write_text(block.text, encoding="utf-8")
        done = run_pytest(Path.cwd(), "test_shown.py")
        assert done.returncode == 0, f"{block.where}: {done.stdout}"

    return run


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work where a reader would: beside data of one's own, and files that a CI recorded."""
    folder = tmp_path / "desk"
    folder.mkdir()
    furnish(folder)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))


def furnish(folder: Path) -> None:
    rows = save_toy_reviews(folder / "tickets.csv", 240)
    rows.write_text(rows.read_text().replace("text,label", ",".join(TICKETS), 1))
    measure = replayed(folder, ["benchmarks/test_speed.py::test_load"], noise=0.002, seed=1)
    for number in range(4):
        measure(False, number)
        measure(True, number)


@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=[pytest.mark.slow] if page.name in LONG else [], id=page.name) for page in PAGES],
)
@pytest.mark.usefixtures("desk")
def test_blocks_run_on_a_toy(
    page: Path,
    toys: tuple[str, str],
    bench: Callable[..., tuple[int, str, str]],
    leave_results: Callable[[list[str]], None],
    run_tests: Callable[[Block], None],
) -> None:
    names: dict[str, object] = {"__name__": "__main__"}
    for block in blocks_of(page):
        if block.kind in NOT_QUICK or block.language in SHOWN:
            continue
        if block.language == "sh":
            for asked in words_of(block):
                if first_pages()[tuple(asked)] != page:
                    continue
                words = on_toys(asked, *toys) if asked[0] == "compare" else in_full(asked)
                if words[0] in {"report", "recommend"}:
                    leave_results(words)
                code, _, errors = bench(*words)
                assert code in (GATED if {"gate", "--gate"} & {*words} else {0}), f"{block.where}: {errors}"
        elif "\ndef test_" in block.text:
            run_tests(block)
        else:
            read(block, names, toys)


@pytest.mark.slow
@pytest.mark.timeout(5400)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_run_as_written(
    page: Path,
    tmp_path: Path,
    leave_results: Callable[[list[str]], None],
    run_tests: Callable[[Block], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    subprocess.run(["git", "-C", str(clone), "checkout", "--quiet", "-B", "main"], check=True)
    furnish(clone)
    commit(clone, {"benchmarks/test_speed.py": "def test_speed(benchmark):\n    benchmark(sum, range(1000))\n"})
    environ = os.environ | {
        "PYTHONPATH": str(clone),
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
    }
    monkeypatch.chdir(clone)
    for block in blocks_of(page):
        if block.file:
            (clone / block.file).write_text(block.text)
        if block.kind == "slow" and block.language == "python":
            run_tests(block)
        if block.language != "sh" or block.kind == "not run":
            continue
        for words in words_of(block):
            if words[0] in {"report", "recommend"}:
                leave_results(words)
        done = subprocess.run(
            ["bash", "-ec", "\n".join(block.commands)],
            cwd=clone,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (GATED if "gate" in block.text else {0}), f"{block.where}: {done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_environments_of_tox_are_there(page: Path) -> None:
    known = configparser.ConfigParser(interpolation=None)
    known.read(ROOT / "tox.ini")
    for name in re.findall(r"tox -e ([\w-]+)", page.read_text(encoding="utf-8")):
        assert f"testenv:{name}" in known, f"{page.name}: tox -e {name}"


def words_of(block: Block) -> Iterator[list[str]]:
    """Split the commands of a block into words, without those that call `bench`."""
    for command in block.commands:
        words = shlex.split(command, comments=True)
        called = next((how for how in (["bench"], ["python", "-m", "bench"]) if words[: len(how)] == how), None)
        assert called, f"{block.where}: {command} is not run by any test; say so above it: <!-- not run: REASON -->"
        yield words[len(called) :]


def on_toys(words: list[str], model: str, dataset: str) -> list[str]:
    """Take a toy instead of a model, and instead of a data set that is not one's own; stay in this process, and forecast nothing."""
    here = ["--in-process", "--no-forecast"]
    own = "--dataset" in words and words[words.index("--dataset") + 1] not in DATASETS
    return (
        [*_with(words, "--model", model), *here]
        if own
        else [
            *_with(_with(words, "--model", model), "--dataset", dataset),
            *here,
        ]
    )


def _with(words: list[str], option: str, value: str) -> list[str]:
    if option not in words:
        return [*words, option, value]
    at = words.index(option)
    return [*words[: at + 1], value, *words[at + 2 :]]


def in_full(words: list[str]) -> list[str]:
    """Let patterns stand for files, as a shell does."""
    full = [sorted(path.name for path in Path().glob(word)) if "*" in word else [word] for word in words]
    return [name for names in full for name in names]


def read(block: Block, names: dict[str, object], toys: tuple[str, str]) -> None:
    """Run a block of Python, and read one of TOML as the command does that it is for."""
    if block.file:
        Path(block.file).parent.mkdir(parents=True, exist_ok=True)
        Path(block.file).write_text(block.text, encoding="utf-8")
    if block.language == "python":
        text = block.text
        for known, toy in ((MODELS, toys[0]), (DATASETS, toys[1])):
            for preset in known:
                text = text.replace(f'"{preset}"', repr(toy))
        exec(compile(text, block.where, "exec"), names)
    elif block.file == "bench.toml":
        Settings.gather({}, config=Path(block.file))
    elif block.file == "rules.toml":
        read_rules(Path(block.file))
    else:
        assert block.language == "toml", f"{block.where}: what is a block of {block.language}?"
        tomllib.loads(block.text)
