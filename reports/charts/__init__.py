"""Figures, drawn for the page as SVG and for other uses as PNG."""
