"""The commit of a checkout: of `bench` itself, and of each side of a gate."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["git_state"]


def git_state(root: Path) -> tuple[str | None, bool | None]:
    """Return the commit of the git checkout at `root`, and whether files differ from it; None where it is no checkout."""
    # Inside a hook, git's own variables would point it to another checkout.
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ("git", "-C", str(root), "status", "--porcelain=v2", "--branch")
    if not (root / ".git").exists():  # a virtual environment may lie inside somebody else's checkout
        return None, None
    try:
        status = subprocess.run(  # noqa: S603  the arguments are ours
            command, env=environ | {"GIT_OPTIONAL_LOCKS": "0"}, capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):  # no git here, or it distrusts the directory's owner
        return None, None
    lines = status.stdout.splitlines()
    commit = next((line.split()[-1] for line in lines if line.startswith("# branch.oid ")), None)
    return commit, any(not line.startswith("#") for line in lines)
