"""The page as a browser shows it: Chromium, wherever it is installed."""

import pytest

from bench.analysis.comparison import compare
from reports import write_report
from tests.reports.looking import MODES, RULED, check_boxes, check_page

pytestmark = pytest.mark.browser

CASES = ["default", "eight", "single", "invalid", "sixty"]
FORMS = {"default": "winner", "eight": "winner", "single": "undecided", "invalid": "invalid", "sixty": "leading"}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("case", [*CASES, "hostile", pytest.param("joined", marks=pytest.mark.slow)])
def test_every_page_is_whole_and_accessible(opened, pages, case, mode):
    # To hold sixty strategies against the rules takes half a minute, and the parts are those of eight.
    check_page(opened, pages[case], mode, ruled=() if case == "sixty" else RULED)


@pytest.mark.slow
def test_the_page_of_sixty_strategies_is_accessible_too(opened, pages):
    check_page(opened, pages["sixty"], "screen", ruled=["screen"])


def test_no_name_breaks_the_page_under_its_policy(opened, hostile_report):
    page, noise = opened(hostile_report, 400)
    check_boxes(page)
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
    page, noise = opened(write_report([compare([])], tmp_path), width)
    check_boxes(page)
    assert noise == []
