"""The two sides of a gate: directories, git refs that are checked out temporarily, interpreters.

A side is a version of bench, or of the project that `--run` measures.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from bench.ending import uninterrupted
from bench.errors import UsageError
from bench.measuring.checkout import git_state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

__all__ = ["Checkout", "checked_out", "find_project", "find_side", "hold", "place_in_repository"]

_PREFIX = "bench-gate-"
"""Of directories that hold a checkout."""
_IN_USE = ".in-use"
"""The lock in such a directory."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """A version of bench, or of another project, and the interpreter that runs it."""

    name: str
    """The name that the user gave."""
    python: str
    root: Path | None
    """The directory of the package; None for what the interpreter has installed."""
    commit: str | None = None
    repository: Path | None = None
    """The repository of `commit`, if that is to be checked out; None where `root` is the user's own directory."""
    is_changed: bool = False
    """Whether its files differ from the commit."""
    is_bench: bool = True
    """Whether it must be a version of bench."""


def find_side(option: str, name: str | None, python: str | None) -> Checkout:
    """Find the side that the user means, without checking anything out.

    `name` is a directory, else a git ref; None is the bench that `python` has installed, or this one. `python` is an
    interpreter, or the directory of its virtual environment; None is this one. Messages name the `option`.

    Raises:
        UsageError: there is no such side.

    """
    interpreter = sys.executable if python is None else _interpreter(f"{option}-python", python)
    if name is None:
        if python is not None:
            return Checkout(python, interpreter, None)
        name = str(Path(__file__).resolve().parents[3])
    root = _directory(option, name)
    if (root / "bench" / "__init__.py").is_file():
        commit, is_changed = git_state(root.resolve())
        return Checkout(name, interpreter, root.resolve(), commit, is_changed=bool(is_changed))
    repository, commit = _find_commit(name)
    if repository is None or not commit:
        raise UsageError(f"{option} {name}: {_why_not(root, repository, name)}")
    return Checkout(name, interpreter, None, commit, repository)


def find_project(option: str, name: str) -> Checkout:
    """Find a git ref of the repository here, else a directory, of any project.

    Raises:
        UsageError: there is no such side.

    """
    root = _directory(option, name)
    repository, commit = _find_commit(name)
    if repository and commit and name != ".":
        return Checkout(name, sys.executable, None, commit, repository, is_bench=False)
    if not root.is_dir():
        raise UsageError(f"{option} {name}: {_why_not(None, repository, name)}")
    commit, is_changed = git_state(root.resolve())
    return Checkout(name, sys.executable, root.resolve(), commit, is_changed=bool(is_changed), is_bench=False)


@contextmanager
def hold(base: Checkout, head: Checkout | None = None) -> Iterator[dict[Literal["base", "head"], Checkout]]:
    """Yield both sides with their files; checkouts are removed afterwards.

    Without a head, both are base.
    """
    with ExitStack() as stack:
        ours = stack.enter_context(checked_out(base))
        yield {"base": ours, "head": stack.enter_context(checked_out(head)) if head else ours}


def place_in_repository() -> Path:
    """Return the current directory relative to the top of its repository; "." outside a repository."""
    return Path(_git(Path.cwd(), "rev-parse", "--show-prefix") or ".")


def _directory(option: str, name: str) -> Path:
    if not name:
        raise UsageError(f"{option} '': no side; name a git ref or a directory")
    try:
        return Path(name).expanduser()
    except RuntimeError as error:
        raise UsageError(f"{option} {name}: there is no such user; name a git ref or a directory") from error


def _find_commit(name: str) -> tuple[Path | None, str | None]:
    """Return the repository here, and the commit of a name in it."""
    top = _git(Path.cwd(), "rev-parse", "--show-toplevel")
    repository = Path(top) if top else None
    return repository, _git(repository, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")


@contextmanager
def checked_out(side: Checkout) -> Iterator[Checkout]:
    """Yield the side with its files; those of a ref are removed afterwards, whatever happens.

    What a gate left that was killed is removed too, of this repository.

    Raises:
        UsageError: git cannot check it out, or it is no bench.

    """
    if side.repository is None:
        yield side
        return
    _remove_left(side.repository)
    temporary = Path(mkdtemp(prefix=_PREFIX))
    root, in_use = temporary / "side", FileLock(temporary / _IN_USE)
    try:
        in_use.acquire(blocking=False)
        _git_or_say(side.repository, "worktree", "add", "--detach", "--quiet", str(root), str(side.commit))
        if side.is_bench and not (root / "bench" / "__init__.py").is_file():
            msg = f"{side.name} ({str(side.commit)[:8]}) holds no package bench; of another project, say what measures it (--run)"
            raise UsageError(msg)
        yield replace(side, root=root, repository=None)
    finally:
        with uninterrupted():
            _remove(side.repository, root)
            in_use.release()


def _remove_left(repository: Path) -> None:
    """Remove the checkouts of gates that are no more: each holds a lock on its own as long as it lives."""
    listed = (_git(repository, "worktree", "list", "--porcelain") or "").splitlines()
    roots = [Path(line.removeprefix("worktree ")) for line in listed if line.startswith("worktree ")]
    for root in (root for root in roots if root.name == "side" and root.parent.name.startswith(_PREFIX)):
        with suppress(Timeout, OSError):
            if root.parent.is_dir():
                FileLock(root.parent / _IN_USE).acquire(blocking=False).lock.release()
            with uninterrupted():
                _remove(repository, root)


def _remove(repository: Path, root: Path) -> None:
    _git(repository, "worktree", "remove", "--force", str(root))
    shutil.rmtree(root.parent, ignore_errors=True)


def _interpreter(option: str, python: str) -> str:
    path = Path(python).expanduser()
    found = shutil.which(path / "bin" / "python" if path.is_dir() else path)
    if found is None:
        msg = f"{option} {python}: no Python there; give an interpreter, or the directory of a virtual environment"
        raise UsageError(msg)
    return str(Path(found).absolute())


def _why_not(root: Path | None, repository: Path | None, name: str) -> str:
    if root is not None and root.is_dir():
        return "this directory holds no package bench; give a checkout of bench or a git ref, or say what measures it (--run)"
    if repository is None:
        return "no such directory, and no git repository here that could have such a ref"
    refs = (_git(repository, "for-each-ref", "--format=%(refname:short)") or "").split()
    nearest = get_close_matches(name, refs, n=1, cutoff=0.6)
    return f"neither a directory nor a git ref of {repository}" + (f"; did you mean {nearest[0]}?" if nearest else "")


def _git(root: Path | None, *arguments: str) -> str | None:
    """Return what git prints; None where it fails."""
    try:
        return None if root is None else _git_or_say(root, *arguments)
    except UsageError:
        return None


def _git_or_say(root: Path, *arguments: str) -> str:
    # Inside a hook, git's own variables would point to another checkout.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ("git", "-C", str(root), "-c", "core.hooksPath=/dev/null", *arguments)
    try:
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)  # noqa: S603
    except subprocess.CalledProcessError as error:
        msg = f"git {arguments[0]} failed: {error.stderr.strip().splitlines()[-1:] or error.returncode}"
        raise UsageError(msg) from error
    except OSError as error:
        raise UsageError(f"git cannot be run: {error.strerror}") from error
    return done.stdout.strip()
