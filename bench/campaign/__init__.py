"""The runs of a comparison in their order, and what can be known before any of them."""
