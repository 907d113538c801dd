"""A measured strategy as a file that trains elsewhere: a script for transformers' Trainer, or YAML for LLaMA-Factory."""
