"""The folders beside `bench`, found by place and not by name: `bench.beside.reports` and `bench.beside.strategies`.

Both are names that a project of the user may have too, and `python -m bench` looks there first. Under these, nothing of
the user's is run instead of ours, ours never stand in for the user's, and every process can import them by name.
"""

from __future__ import annotations

from pathlib import Path

__path__ = [str(Path(__file__).parents[1])]
"""What makes a module a package: where Python looks for what is named as part of it."""
