"""How pages are looked at in a browser, and what must be so on every one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axe_playwright_python.sync_playwright import Axe

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from playwright.sync_api import Page

__all__ = ["MODES", "RULED", "check_boxes", "check_page"]

CLIPPED = """
() => [...document.querySelectorAll('body *')].filter(element => {
  const style = getComputedStyle(element), box = element.getBoundingClientRect();
  const own = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
  if (!own || box.width === 0 || element.closest('.scroll:not(:has(.cards)), caption, script, style')) return false;
  if (element.closest('.scroll') && innerWidth > 1000 && getComputedStyle(element.closest('.scroll')).overflowX === 'auto') return false;
  if (element.closest('svg')) {
    const frame = element.closest('svg').getBoundingClientRect();
    return box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
  }
  return box.left < -0.5 || box.right > innerWidth + 0.5 ||
    (style.overflow !== 'visible' && (element.scrollWidth > element.clientWidth || element.scrollHeight > element.clientHeight));
}).map(element => element.textContent)
"""

OVERLAPPING = """
() => [...document.querySelectorAll('svg')].flatMap(svg => {
  const texts = [...svg.querySelectorAll('text')].map(text => [text.textContent, text.getBoundingClientRect()])
    .filter(([_, box]) => box.width > 0);
  return texts.flatMap(([one, a], index) => texts.slice(index + 1)
    .filter(([_, b]) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2
      && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4)
    .map(([other]) => one + ' / ' + other));
})
"""


MODES: dict[str, dict[str, Any]] = {
    "screen": {"width": 1280},
    "phone": {"width": 360},
    "dark": {"width": 1280, "scheme": "dark"},
    "dark phone": {"width": 360, "scheme": "dark"},
    "print": {"width": 794, "media": "print"},
}
"""How a page is read; 794 pixels are A4."""

RULED = ("screen", "dark phone")
"""The modes that are held against axe-core's rules, seconds a page: both themes, and both widths."""


def check_boxes(page: Page) -> None:
    """Check that the page fits, and that no text is cut off or lies on another."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(CLIPPED) == []
    assert page.evaluate(OVERLAPPING) == []


def check_page(
    opened: Callable[..., tuple[Page, list[str]]], path: Path, mode: str, *, ruled: Collection[str] = RULED
) -> None:
    """Check all of a page in a mode; in those `ruled` against axe-core's rules too, whose scripts its policy forbids."""
    page, noise = opened(path, **MODES[mode], bypass_csp=True)
    if mode != "print":  # on paper everything is open
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    check_boxes(page)
    if mode in ruled:
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
    assert noise == []
