import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from bench.gate.sampling.sides import find_side, hold
from tests.gate.stubs import write_side

GATE = """
import sys
from bench.ending import interrupted_by_signals
from bench.gate.judging.margins import Margins
from bench.gate.sampling.session import Session
from bench.gate.sampling.sides import find_side, hold
from bench.gate.sampling.subject import Subject
from bench.experiment.spec import RunSpec, parse_strategies
specs = tuple(RunSpec(strategy=terms, steps=30) for terms in parse_strategies("full"))
with interrupted_by_signals(), hold(find_side("--base", sys.argv[1], None), find_side("--head", "HEAD", None)) as held:
    Session(held, Subject(specs, 600.0), margins=Margins(), say=print).judge()
"""


@pytest.fixture
def repository(tmp_path):
    """A repository with a side whose run never ends, and says that it has begun."""
    alive = tmp_path / "alive"
    stubborn = f"open({str(alive)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    root = write_side(tmp_path / "repository", before=stubborn)
    who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"]
    for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "a side"]):
        subprocess.run(["git", "-C", root, *who, *arguments], check=True)
    return root


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_no_process_outlives_the_gate(tmp_path, repository, number):
    """And no worktree; where the gate had no time to remove it, the next one does."""
    alive, root = tmp_path / "alive", repository
    environ = os.environ | {"BENCH_LOCK_DIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[3])}
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", GATE, root],
        cwd=root,
        env=environ,
        stderr=subprocess.DEVNULL,
        preexec_fn=partial(hear, number),  # noqa: PLW1509  (it takes no lock)
    )
    until(lambda: alive.exists() and alive.read_text())
    pid = int(alive.read_text())
    process.send_signal(number)
    process.wait(20)
    until(lambda: not Path("/proc", str(pid)).exists() or is_zombie(pid))
    if number == signal.SIGKILL:
        assert num_worktrees(root) == 2
        with hold(replace(find_side("--head", str(root), None), root=None, repository=root)):
            assert num_worktrees(root) == 2, "of this one"
    assert num_worktrees(root) == 1


def hear(number):
    """Do not ignore a signal that whoever started the tests may ignore."""
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)


def num_worktrees(root):
    listed = subprocess.run(["git", "-C", root, "worktree", "list"], capture_output=True, text=True, check=True).stdout
    return listed.count("\n")


def test_the_checkout_of_a_gate_that_lives_is_left_alone(repository):
    side = replace(find_side("--head", str(repository), None), root=None, repository=repository)
    with hold(side) as first, hold(side) as second:
        assert num_worktrees(repository) == 3
        assert all(held["head"].root.is_dir() for held in (first, second))
    assert num_worktrees(repository) == 1


def until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_zombie(pid):
    """Whether it has ended, and nobody has asked how: in a container there may be no init that would."""
    try:
        return Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
