"""Whether a machine can make the code that torch generates, which it asks a C++ compiler for on a CPU."""

from __future__ import annotations

import os
import shutil

from bench.errors import Unsupported

__all__ = ["check_cpp_compiler"]


def check_cpp_compiler(what: str) -> None:
    """Refuse `what` compiles where there is no C++ compiler.

    Raises:
        Unsupported: there is none.

    """
    if not any(map(shutil.which, (os.environ.get("CXX") or "g++", "clang++", "c++"))):
        raise Unsupported(f"{what} needs a C++ compiler on a CPU, and none is installed (g++ or clang++)")
