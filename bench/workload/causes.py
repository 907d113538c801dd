"""Puts what a library raised into the one line that a user reads."""

from __future__ import annotations

import re

__all__ = ["first_line"]


def first_line(error: BaseException) -> str:
    """Give the first line of an error's text that says what is wrong, or its kind where there is none.

    The Hub's errors begin with a line on the request, and say what is wrong after an empty one.
    """
    paragraphs = str(error).strip().split("\n\n")
    told = paragraphs[-1] if re.match(r"\d{3} (Client|Server) Error", paragraphs[0]) else paragraphs[0]
    lines = told.strip().splitlines()
    return lines[0] if lines else type(error).__name__
