from __future__ import annotations

import subprocess
import sys

import pytest

import reports


def test_the_package_is_cheap_to_import() -> None:
    program = (
        "import reports, sys; print([name for name in ('pandas', 'seaborn', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_each_name_is_found_in_its_module() -> None:
    for name in set(reports.__all__) - {"Format"}:
        found = getattr(reports, name)
        assert (found.__name__, found.__module__.partition(".")[0]) == (name, "reports")
    with pytest.raises(AttributeError, match="module 'reports' has no attribute 'write_all'"):
        _ = reports.write_all
