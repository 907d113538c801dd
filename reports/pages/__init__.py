"""HTML pages, each one file that needs no network."""
