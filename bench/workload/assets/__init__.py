"""Models and data out of Python packages that are pinned by SHA-256."""
