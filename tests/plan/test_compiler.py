from __future__ import annotations

import pytest

from bench.errors import Unsupported
from bench.plan.compiler import check_cpp_compiler


def test_where_no_compiler_is_found_it_is_told_who_needs_one(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unsupported, match=r"^mine needs a C\+\+ compiler on a CPU, and none is installed"):
        check_cpp_compiler("mine")
    (tmp_path / "my-own").write_text("")
    (tmp_path / "my-own").chmod(0o755)
    monkeypatch.setenv("CXX", "my-own")
    check_cpp_compiler("mine")
