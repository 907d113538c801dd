"""Measures what is known in advance, with the real executor and trainer: how well this machine measures."""
