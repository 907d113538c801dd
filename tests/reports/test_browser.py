"""The page as a browser shows it: Chromium, wherever it is installed."""

import shutil

import pytest
from playwright.sync_api import sync_playwright

from bench.comparison import compare
from reports import write_report

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
]

CLIPPED = """
() => [...document.querySelectorAll('body *')].filter(element => {
  const style = getComputedStyle(element), box = element.getBoundingClientRect();
  const own = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
  if (!own || box.width === 0 || element.closest('.scroll, thead')) return false;
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


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser):
    """Open a page at a width and in a theme; every request and complaint of the console is kept."""
    contexts = []

    def open_page(path, width, scheme="light", media="screen"):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        noise = []
        page.on("console", lambda message: noise.append(message.text))
        page.on("pageerror", lambda error: noise.append(str(error)))
        page.on("request", lambda request: noise.append(request.url) if request.url != path.as_uri() else None)
        page.on("dialog", lambda dialog: noise.append(dialog.message))
        page.emulate_media(media=media, color_scheme=scheme)
        page.goto(path.as_uri())
        return page, noise

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400, 360])
@pytest.mark.parametrize("which", ["report", "hostile_report"])
def test_the_page_fits_and_keeps_to_itself(opened, request, which, width, scheme):
    page, noise = opened(request.getfixturevalue(which), width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(CLIPPED) == []
    assert page.evaluate(OVERLAPPING) == []
    assert noise == []


def test_nothing_overflows_on_paper(opened, report):
    page, noise = opened(report, 794, media="print")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(CLIPPED) == []
    assert page.evaluate("getComputedStyle(document.querySelector('.scroll')).overflowX") == "visible"
    assert noise == []


def test_the_theme_of_the_reader_decides_the_colours(opened, report):
    ink = "getComputedStyle(document.querySelector('.chart .wide text')).fill"
    assert opened(report, 1280, "light")[0].evaluate(ink) != opened(report, 1280, "dark")[0].evaluate(ink)


def test_a_phone_gets_cards_and_figures_of_its_own(opened, report):
    page, _ = opened(report, 400)
    assert page.is_visible(".main .label")
    assert page.is_visible(".chart .narrow >> nth=0")
    assert not page.is_visible(".chart .wide >> nth=0")
    letters = "[...document.querySelectorAll('.narrow text')].map(text => text.getBoundingClientRect().height)"
    assert min(page.evaluate(letters)) >= 12


@pytest.mark.parametrize("width", [1280, 400])
def test_a_single_strategy_and_no_runs_at_all_make_pages_too(opened, make_record, tmp_path, width):
    for name, records in (("one", [make_record()]), ("none", [])):
        page, noise = opened(write_report(compare(records), tmp_path / name), width)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate(CLIPPED) == []
        assert noise == []
