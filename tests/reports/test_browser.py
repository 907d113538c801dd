"""The page as a browser shows it: Chromium, wherever it is installed."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from bench.comparison import compare
from reports import write_report

pytestmark = pytest.mark.browser

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


MODES = {
    "screen": {"width": 1280},
    "phone": {"width": 360},
    "dark": {"width": 1280, "scheme": "dark"},
    "dark phone": {"width": 360, "scheme": "dark"},
    "print": {"width": 794, "media": "print"},
}
"""How a page is read; 794 pixels are A4."""

CASES = ["default", "eight", "single", "invalid", "sixty"]
FORMS = {"default": "winner", "eight": "winner", "single": "undecided", "invalid": "invalid", "sixty": "winner"}


def _check_boxes(page):
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(CLIPPED) == []
    assert page.evaluate(OVERLAPPING) == []


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", [*CASES, "hostile", "joined"])
def test_every_page_is_whole_and_accessible(opened, pages, case, mode):
    page, noise = opened(pages[case], **MODES[mode], bypass_csp=True)
    if mode != "print":
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    _check_boxes(page)
    if case != "sixty" or mode in {"screen", "dark phone"}:  # half a minute each: once per theme, and per width
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
    assert noise == []


def test_no_name_breaks_the_page_under_its_policy(opened, hostile_report):
    page, noise = opened(hostile_report, 400)
    _check_boxes(page)
    assert noise == []


@pytest.mark.parametrize("case", CASES)
def test_the_headline_has_the_right_form(cases, pages, opened, case):
    comparison = compare(cases[case])
    page, _ = opened(pages[case], 1280)
    assert page.inner_text(".headline") == comparison.headline
    assert page.locator(f".verdict.{comparison.form}").count() == 1
    assert comparison.form == FORMS[case]


def test_the_policy_of_the_page_refuses_any_other_script_and_any_request(opened, report):
    page, noise = opened(report, 1280)
    page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "window.escaped = true";
          document.body.append(script);
          const image = document.createElement("img");
          image.src = "https://example.invalid/pixel.png";
          document.body.append(image);
        }"""
    )
    page.wait_for_timeout(100)
    assert page.evaluate("window.escaped") is None
    assert sum("Content Security Policy" in said for said in noise) == 2


def test_on_paper_everything_is_open_and_light(opened, report):
    page, noise = opened(report, 794, "dark", media="print")
    assert page.evaluate("getComputedStyle(document.querySelector('.scroll')).overflowX") == "visible"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(254, 254, 254)"
    assert page.evaluate(
        "[...document.querySelectorAll('details.data table')].every(one => one.checkVisibility({contentVisibilityAuto: true}))"
    )
    assert not page.is_visible(".controls")
    assert noise == []
    assert page.pdf(format="A4").count(b"/Type /Page") > 2


def test_the_theme_of_the_reader_decides_the_colours(opened, report):
    ink = "getComputedStyle(document.querySelector('.chart .wide text')).fill"
    mark = "getComputedStyle(document.querySelector('.chart .wide .of-1 use')).fill"
    light, dark = (opened(report, 1280, scheme)[0] for scheme in ("light", "dark"))
    assert light.evaluate(ink) != dark.evaluate(ink)
    assert light.evaluate(mark) != dark.evaluate(mark)


def test_a_phone_gets_cards_and_figures_of_its_own(opened, report):
    page, _ = opened(report, 360)
    assert page.is_visible(".cards .label")
    assert not page.is_visible(".cards thead")
    assert page.is_visible(".chart .narrow >> nth=0")
    assert not page.is_visible(".chart .wide >> nth=0")
    letters = "[...document.querySelectorAll('.narrow text')].map(text => text.getBoundingClientRect().height)"
    assert min(page.evaluate(letters)) >= 12


def test_the_main_table_stands_on_a_screen_without_scrolling(opened, pages):
    page, _ = opened(pages["eight"], 1280)
    assert page.evaluate(
        "[...document.querySelectorAll('.scroll')].slice(0, 1).every(one => one.scrollWidth <= one.clientWidth)"
    )


def test_several_comparisons_make_one_page(opened, joined_report):
    page, noise = opened(joined_report, 1280)
    assert page.locator("article").count() == 4
    assert (
        page.locator("section:first-of-type thead th >> nth=1")
        .inner_text()
        .startswith("smollm2-135m on rotten-tomatoes")
    )
    assert (
        page.evaluate("new Set([...document.querySelectorAll('[id]')].map(one => one.id)).size")
        == page.locator("[id]").count()
    )
    assert noise == []


@pytest.mark.parametrize("width", [1280, 400])
def test_no_runs_at_all_make_a_page_too(opened, tmp_path, width):
    page, noise = opened(write_report(compare([]), tmp_path), width)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(CLIPPED) == []
    assert noise == []
