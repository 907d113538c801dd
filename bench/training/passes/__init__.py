"""What each field of a plan does to a model: one pass a file, which names the fields that it reads.

`bench.training.prepare` runs them, and says why in that order. Three fields have no pass: `precision` is
`bench.training.precision`, `seen_embeddings` is in `bench.training.savings`, and `after_step` is called by the loop.
"""
