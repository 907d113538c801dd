"""Any text in Markdown stands for itself."""

import html

from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from reports.marking import escape
from reports.tables.cells import one_line

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


SPECIAL = st.text(alphabet="\\`*_{}[]<>()#+-.!|~$&@:/=\"' \tab1w", max_size=30)


@settings(max_examples=400)
@given(SPECIAL)
@example("1. a")
@example("12) a")
@example("- a")
@example("---")
@example("# a")
@example("> a")
@example("&amp;")
@example("a_b_c _d_ e_")
@example("*a* ~b~ ~~c~~ `d` [e](f) ![g](h) <i> https://j.k www.l.m")
def test_any_text_stands_for_itself(text):
    words = html.escape(one_line(text), quote=False).replace('"', "&quot;")
    for made, expected in (
        (escape(text), f"<p>{words}</p>\n" if words else ""),
        (f"- {escape(text)}", f"<ul>\n<li>{words}</li>\n</ul>\n"),
        (f"| a |\n| --- |\n| x {escape(text)} y |", f"<td>x {words} y</td>" if words else "<td>x"),
    ):
        assert expected in MARKDOWN.render(made), made


def test_nothing_is_escaped_that_is_no_markup():
    plain = (
        "Train longer (--epochs 2): 1.00x (0.9988 to 1.0036), +1.2 points; max_length 256 & more, 5 # {a} CPU @ 2.5GHz!"
    )
    assert escape(plain) == plain


def test_an_address_does_not_become_a_link():
    assert escape("https://a.example and www.a.example") == r"https\://a.example and www\.a.example"
