"""What is asked of a run: `spec` and its grammar, `settings` of a comparison, `registry` of strategies, `bounds` of numbers."""
