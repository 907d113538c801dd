from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.cli.options import check_figures_url, read_rules, repeat_sides
from bench.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("words", "repeated"),
    [
        ("gate --base a b --head c d", "gate --base a --base b --head c --head d"),
        ("gate --base=a b --head c --strict", "gate --base=a --base b --head c --strict"),
        ("gate --base a --base b --out x y", "gate --base a --base b --out x y"),
        ("gate --base --head c", "gate --base --head c"),
        ("gate --base-python p q", "gate --base-python p q"),
        ("report a b", "report a b"),
        ("", ""),
    ],
)
def test_a_side_takes_as_many_words_as_a_pattern_becomes(words: str, repeated: str) -> None:
    assert repeat_sides(words.split()) == repeated.split()


@pytest.mark.parametrize("url", ["a.example", "javascript:alert(1)", "https://a b", "https://a)b", "", "https://"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="--figures-url"):
        check_figures_url(url)


def test_there_must_be_rules_to_be_strict_about(tmp_path: Path) -> None:
    assert read_rules(None, strict=False) is None
    with pytest.raises(UsageError, match="--strict needs --gate"):
        read_rules(None, strict=True)
    (tmp_path / "rules.toml").write_text('rules = ["peak_memory <= 20 GiB"]\n')
    with pytest.raises(UsageError, match=r"absent\.toml"):
        read_rules(tmp_path / "absent.toml", strict=True)
