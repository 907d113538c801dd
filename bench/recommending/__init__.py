"""The choice under a budget: which of the strategies that were compared, and why none of the others; from records alone."""
