"""Virtual environments, one for each side of `--run`, on top of the environment that the gate is called from.

What `--setup` installs for one side must not be measured by the other. Both can use everything that is
installed where the gate is called (pytest, the project's requirements).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from bench.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["make_environment", "variables_for"]

_ASK = (
    "import json, site, sysconfig; "
    "print(json.dumps([[*site.getsitepackages(), site.getusersitepackages()], sysconfig.get_path('scripts')]))"
)
_INTERPRETER = re.compile(rb"/[^\s'\"]*/python[0-9.]*")
_HEAD = 512
"""The first bytes of a script, in which its interpreter is named."""


def make_environment(folder: Path) -> None:
    """Make a virtual environment that sees the packages of the `python` on the path, and runs their scripts itself.

    Raises:
        UsageError: no Python can make one.

    """
    python = shutil.which("python") or shutil.which("python3") or sys.executable
    try:
        subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], check=True, capture_output=True)  # noqa: S603
        asked = subprocess.run([python, "-c", _ASK], check=True, capture_output=True, text=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError) as error:
        msg = f"--setup: {python} makes no virtual environment ({type(error).__name__}); leave --setup out, or install venv"
        raise UsageError(msg) from error
    packages, scripts = json.loads(asked.stdout)
    (site,) = folder.glob("lib/python*/site-packages")
    # Paths in a .pth come after the environment's own packages, and are not searched for other .pth files, so that
    # an editable install of the project stays out.
    (site / "caller.pth").write_text("".join(f"{path}\n" for path in packages if os.path.isdir(path)), encoding="utf-8")  # noqa: PTH112
    own = folder / "bin"
    for name in os.listdir(scripts):  # noqa: PTH208  (names alone are needed)
        if not (own / name).exists():
            _adopt(os.path.join(scripts, name), own / name, own / "python")  # noqa: PTH118


def variables_for(root: Path, environment: Path | None, number: int) -> dict[str, str]:
    """Return the environment variables of a process: the checkout comes first on Python's path."""
    sources = [str(path) for path in (root / "src", root) if path.is_dir()]
    inherited = os.environ.get("PYTHONPATH")
    variables = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*sources, *([inherited] if inherited else [])]),
        # Both sides of a turn have the same hash seed, which affects times; turns have different ones.
        "PYTHONHASHSEED": os.environ.get("PYTHONHASHSEED", str(number)),
    }
    if environment is not None:
        variables |= {
            "VIRTUAL_ENV": str(environment),
            "PATH": os.pathsep.join([str(environment / "bin"), os.environ.get("PATH", os.defpath)]),
        }
        variables.pop("PYTHONHOME", None)
    return variables


def _adopt(script: str, copy: Path, python: Path) -> None:
    """Copy a Python script so that the environment's own interpreter runs it; nothing else is copied."""
    try:
        with open(script, "rb") as file:  # noqa: PTH123
            content = file.read()
    except OSError:
        return
    if not content.startswith(b"#!") or not _INTERPRETER.search(content[:_HEAD]):
        return
    start = _INTERPRETER.sub(str(python).encode(), content[:_HEAD], count=1)
    copy.write_bytes(start + content[_HEAD:])
    copy.chmod(0o755)
