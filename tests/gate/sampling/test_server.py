import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.gate.stubs import write_side

GATE = """
import sys
from bench.gate.judging.margins import Margins
from bench.gate.sampling.session import Session
from bench.gate.sampling.sides import find_side, hold
from bench.gate.sampling.subject import Subject
from bench.experiment.spec import RunSpec, parse_strategies
specs = tuple(RunSpec(strategy=terms, steps=30) for terms in parse_strategies("full"))
with hold(find_side("--base", sys.argv[1], None), find_side("--head", "HEAD", None)) as held:
    Session(held, Subject(specs, 600.0), margins=Margins(), say=print).judge()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_gate(tmp_path, number):
    """And no worktree, unless the gate had no time to remove it."""
    alive = tmp_path / "alive"
    stubborn = f"open({str(alive)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    root = write_side(tmp_path / "repository", before=stubborn)
    who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"]
    for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "a side"]):
        subprocess.run(["git", "-C", root, *who, *arguments], check=True)
    environ = os.environ | {"BENCH_LOCK_DIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[3])}
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", GATE, root], cwd=root, env=environ, stderr=subprocess.DEVNULL
    )
    until(lambda: alive.exists() and alive.read_text())
    pid = int(alive.read_text())
    process.send_signal(number)
    process.wait(20)
    until(lambda: not Path("/proc", str(pid)).exists() or is_zombie(pid))
    listed = subprocess.run(["git", "-C", root, "worktree", "list"], capture_output=True, text=True, check=True).stdout
    assert number == signal.SIGKILL or listed.count("\n") == 1


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
