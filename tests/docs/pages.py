"""The pages that a reader sees, and what stands in them: blocks of code, links and headings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it.token import Token

__all__ = ["PAGES", "ROOT", "Block", "anchors_of", "blocks_of", "links_of"]

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))

_NOTE = re.compile(r"<!-- (?P<kind>not run|not run but for bench|slow): .+ -->\s*")


@dataclass(frozen=True)
class Block:
    """A block of code: indented or fenced. What its fence says after the language is the name of its file."""

    where: str
    text: str
    language: str
    file: str | None
    kind: str | None
    """"not run", "not run but for bench" or "slow", where a comment above says so, with its reason."""

    @property
    def commands(self) -> Iterator[str]:
        """The commands of a block of the shell, line by line, that are to be run."""
        for line in self.text.splitlines():
            for command in map(str.strip, line.split("&&")):
                if self.kind != "not run but for bench" or command.startswith(("bench ", "python -m bench ")):
                    yield command


def blocks_of(page: Path) -> Iterator[Block]:
    """List the blocks of a page, in their order."""
    for before, token in pairwise([None, *_tokens(page)]):
        if token is None or token.type not in {"fence", "code_block"}:
            continue
        note = _NOTE.fullmatch(before.content) if before is not None and before.type == "html_block" else None
        language, _, file = token.info.partition(" ")
        where = f"{page.name}:{(token.map or [0])[0] + 1}"
        yield Block(where, token.content, language or "sh", file or None, note["kind"] if note else None)


def links_of(page: Path) -> Iterator[str]:
    """List what the links and images of a page point to."""
    for token in _tokens(page):
        for child in token.children or ():
            if target := child.attrs.get("href") or child.attrs.get("src"):
                yield str(target)


def anchors_of(page: Path) -> set[str]:
    """Name the headings of a page as a forge does in addresses."""
    found: set[str] = set()
    for before, token in pairwise(_tokens(page)):
        if before.type == "heading_open":
            name = "".join(child.content for child in token.children or ())
            found.add(re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-"))
    return found


def _tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))
