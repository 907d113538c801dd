"""What a side is: a directory, a git ref, an interpreter."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.gate.sampling.sides import checked_out, find_side
from tests.gate.stubs import write_side


def git(root, *arguments):
    who = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.org")
    return subprocess.run(
        ["git", "-C", root, *who, *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository with a commit, the branch "main", and a hook that would be noticed."""
    root = write_side(tmp_path / "repository")
    git(root, "init", "--quiet", "--initial-branch", "main")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "a side")
    hook = root / ".git" / "hooks" / "post-checkout"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    monkeypatch.chdir(root)
    return root


def test_a_directory_is_used_as_it_is(repository):
    side = find_side("--base", ".", None)
    assert (side.root, side.python, side.is_changed) == (repository.resolve(), sys.executable, False)
    (repository / "bench" / "worker.py").write_text("pass")
    assert find_side("--base", str(repository), None).is_changed
    with checked_out(side) as there:
        assert there is side


@pytest.mark.parametrize("ref", ["main", "HEAD", "HEAD~0"])
def test_a_ref_is_checked_out_for_a_while(repository, ref):
    (repository / "bench" / "worker.py").write_text("changed")
    side = find_side("--base", ref, None)
    assert side.commit == git(repository, "rev-parse", "HEAD")
    with checked_out(side) as there:
        assert "def main" in (there.root / "bench" / "worker.py").read_text()
        assert str(there.root) in git(repository, "worktree", "list")
    assert not there.root.exists()
    assert git(repository, "worktree", "list").count("\n") == 0


@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit, RuntimeError])
def test_whatever_happens_nothing_is_left_of_it(repository, raised):
    with pytest.raises(raised), checked_out(find_side("--base", "main", None)) as there:
        raise raised
    assert not there.root.parent.exists()
    assert git(repository, "worktree", "list").count("\n") == 0


@pytest.mark.usefixtures("repository")
def test_an_interpreter_is_a_file_a_name_or_an_environment(tmp_path):
    assert find_side("--base", ".", sys.executable).python == sys.executable
    name = Path(sys.executable).name
    assert find_side("--base", ".", name).python == shutil.which(name)
    (tmp_path / "env" / "bin").mkdir(parents=True)
    (tmp_path / "env" / "bin" / "python").symlink_to(sys.executable)
    side = find_side("--base", None, str(tmp_path / "env"))
    assert (side.python, side.root) == (str(tmp_path / "env" / "bin" / "python"), None)


def test_without_a_name_it_is_this_bench():
    assert find_side("--head", None, None).root == Path(__file__).parents[3]


def test_a_wrong_side_is_refused(repository, tmp_path, monkeypatch):
    def refused(name, python=None):
        with pytest.raises(UsageError) as error:
            find_side("--base", name, python)
        return str(error.value)

    assert refused("mian").endswith("did you mean main?")
    assert "neither a directory nor a git ref" in refused("--quiet")
    assert "holds no package bench" in refused(str(tmp_path))
    assert "--base-python nowhere: no Python there" in refused(".", "nowhere")
    git(repository, "rm", "-r", "--quiet", "bench")
    git(repository, "commit", "--quiet", "--message", "no side")
    with pytest.raises(UsageError, match="holds no package bench"), checked_out(find_side("--base", "HEAD", None)):
        pass
    monkeypatch.chdir(tmp_path)
    assert "no git repository here" in refused("main")
