"""Data: rows of text and labels from any source, up to the tokens that runs train on."""
