"""Rows of text and labels, from any source to the tokens that are trained on."""
