from __future__ import annotations

from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
PACKAGES = ("bench", "reports", "strategies")
MOST_LINES, MEDIAN_LINES = 250, 100

UNTESTED = Path(__file__).with_name("untested_modules.txt")
"""Modules whose test lies elsewhere, by path, one a line: a list that may only shrink."""


def modules() -> list[Path]:
    files = (file for package in PACKAGES for file in (ROOT / package).rglob("*.py") if "out" not in file.parts)
    return sorted(file.relative_to(ROOT) for file in files)


def mirrored(module: Path) -> Path:
    """Where the test of a module lies: that of bench/a/b.py is tests/a/test_b.py, a package's tests/a/test_a.py."""
    inside = module.relative_to("bench") if module.parts[0] == "bench" else module
    folder = inside.parent
    name = module.parent.name if inside.stem == "__init__" else inside.stem.strip("_")
    return Path("tests") / folder / f"test_{name}.py"


def has_code(module: Path) -> bool:
    return any(line.startswith(("def ", "class ", "@", "async ")) for line in (ROOT / module).read_text().splitlines())


def test_every_module_has_its_test_at_the_mirrored_path() -> None:
    listed = UNTESTED.read_text().split()
    lacking = [str(module) for module in modules() if has_code(module) and not (ROOT / mirrored(module)).is_file()]
    assert sorted(set(lacking) - set(listed)) == []
    assert sorted(set(listed) - set(lacking)) == [], "these have a test now: take them off the list"


def test_files_stay_short() -> None:
    lengths = {str(module): len((ROOT / module).read_text().splitlines()) for module in modules()}
    assert {module: length for module, length in lengths.items() if length > MOST_LINES} == {}
    assert median(lengths.values()) < MEDIAN_LINES
