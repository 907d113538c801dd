"""Models and data that reach the machine inside packages, known by SHA-256."""
