"""What each field of a plan does to a model: one pass a file, which names the fields that it reads.

`bench.training.prepare` runs them, and says why in that order. Two fields have no pass: `precision`
is `bench.training.precision`, and `after_step` is called by the loop.
"""
