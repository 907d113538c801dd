"""What pages point to is there: files, headings, rooms. Addresses of the web are not looked up."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.docs.pages import PAGES, ROOT, anchors_of, links_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings_that_are_there(page: Path) -> None:
    for link in links_of(page):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name} links to {link}, which is not there"
        assert target.is_relative_to(ROOT), f"{page.name} links to {link}, outside the repository"
        if anchor:
            assert anchor in anchors_of(target), f"{page.name} links to {link}: {target.name} has no such heading"


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen, todo = set[str](), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        seen.add(page.name)
        linked = ((page.parent / link.partition("#")[0]).resolve() for link in links_of(page) if "://" not in link)
        todo += [one for one in linked if one.suffix == ".md" and one.name not in seen]
    assert {page.name for page in PAGES} <= seen


def test_the_files_and_rooms_of_the_architecture_are_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:bench|reports|strategies|tests|docs)/[^`]+)`", text)
    assert len(named) > 40
    assert [name for name in named if not (ROOT / name).exists()] == []
    rooms = set(re.findall(r"^bench/(\w+) ", text, flags=re.MULTILINE))
    assert rooms == {package.parent.name for package in (ROOT / "bench").glob("*/__init__.py")}


def test_the_readme_is_a_screen_and_a_half() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 110
