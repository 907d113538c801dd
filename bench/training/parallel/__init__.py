"""One run on several devices: a process per device, each with its share of the rows of every step.

`single` is the one process of most runs, and does nothing; `replicate` gives every process the whole model.
"""
