"""One gate as a user calls it: a git ref against a directory, both really trained."""

import json
import os
import subprocess
import sys

from tests.gate.planted import plant

OPTIONS = ("--format", "json", "--strategies", "full", "--steps", "30")


def test_a_planted_bug_is_found_from_the_command_line(tmp_path):
    root = plant(tmp_path / "repository", "unchanged")
    who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"]
    for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "a bench"]):
        subprocess.run(["git", "-C", root, *who, *arguments], check=True)
    head = plant(tmp_path / "head", "labels off by one")
    (root / "bench.toml").write_text('[gate.margins."full"]\nstep_seconds_median = 0.5\n')
    done = subprocess.run(
        [sys.executable, "-m", "bench", "gate", "--base", "HEAD", "--head", head, *OPTIONS],
        cwd=root,
        env=os.environ | {"BENCH_CACHE_DIR": str(tmp_path / "cache"), "BENCH_LOCK_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    judgement = json.loads(done.stdout)["judgement"]
    found = {finding["metric"]: finding for finding in judgement["findings"]}
    assert [found[metric]["verdict"] for metric in ("accuracy", "first_losses")] == ["FAIL", "FAIL"]
    assert found["accuracy"]["base"] > 0.8, "the tiny model learns the tiny data"
    assert found["training_memory_bytes"]["verdict"] == "PASS"
    assert found["step_seconds_median"]["margin"] == 0.5
    assert judgement["base"]["name"] == "HEAD"
    assert len(judgement["base"]["commit"]) == 40
    listed = subprocess.run(["git", "-C", root, "worktree", "list"], capture_output=True, check=True).stdout
    assert listed.count(b"\n") == 1
