"""What a reader does with the page: sort, choose, unfold; most of it without a script."""

import pytest

pytestmark = pytest.mark.browser


def _column(page, number):
    return page.locator(f".cards >> nth=0 >> tbody tr > :nth-child({number})").all_inner_texts()


def test_a_column_is_sorted_by_its_numbers_from_the_keyboard_too(opened, pages):
    page, _ = opened(pages["eight"], 1280)
    before = _column(page, 1)
    button = page.locator(".cards >> nth=0 >> thead button >> nth=2")
    button.focus()
    page.keyboard.press("Enter")
    head = page.locator(".cards >> nth=0 >> thead th >> nth=2")
    assert head.get_attribute("aria-sort") == "ascending"
    assert [text.split("\n")[0] for text in _column(page, 3)][:3] == ["904 MiB", "1.08 GiB", "1.47 GiB"]
    button.click()
    assert head.get_attribute("aria-sort") == "descending"
    assert _column(page, 3)[0].startswith("7.36 GiB")
    page.locator(".cards >> nth=0 >> thead button >> nth=1").click()
    assert head.get_attribute("aria-sort") is None
    assert "full+wide" in _column(page, 1)[-1], "what is missing stays last"
    assert sorted(before) == sorted(_column(page, 1))


@pytest.mark.parametrize("javascript", [True, False])
def test_strategies_and_seeds_are_chosen_without_a_script(opened, pages, javascript):
    page, _ = opened(pages["eight"], 1280, java_script_enabled=javascript)
    dimmed = page.locator(".chart .wide .of-1 >> nth=0")
    assert dimmed.evaluate("one => getComputedStyle(one).opacity") == "1"
    page.uncheck("#pick-1")
    assert dimmed.evaluate("one => getComputedStyle(one).opacity") == "0.1"
    assert page.locator("tr.of-1 >> nth=0").evaluate("one => getComputedStyle(one).opacity") == "0.1"
    assert page.locator(".chart .wide .of-2 >> nth=0").evaluate("one => getComputedStyle(one).opacity") == "1"
    seed = page.locator(".chart .wide .seed >> nth=0")
    assert seed.evaluate("one => getComputedStyle(one).display") != "none"
    page.uncheck("#seeds")
    assert seed.evaluate("one => getComputedStyle(one).display") == "none"


def test_without_a_script_all_is_there_but_the_buttons(opened, pages):
    page, noise = opened(pages["eight"], 1280, java_script_enabled=False)
    assert page.locator("thead button").count() == 0
    assert page.locator("details.data").count() == page.locator("figure").count() == 7
    page.locator("details.data summary >> nth=0").click()
    assert page.is_visible("details.data table >> nth=0")
    assert noise == []
