"""What may be concluded about two sides, of numbers alone.

judgement.py         findings, and the exit code
times.py             step times, over the planned looks of sequential.py; memory.py: peaks; quality.py: accuracy, first losses
strategy.py          all of that about one strategy
margins.py           how much worse head may be; noise.py: what pairs of a side with itself tell of a machine
baseline.py          what a side was once, in a file; against.py: two of them judged
rules.py             "amp throughput >= 1.2x full", of one comparison, read by grammar.py
pytest_benchmark.py  files of pytest-benchmark, read by benchmark_files.py; benchmark_baseline.py: a baseline of them
suite.py             many benchmarks at once, over the looks of looks.py: turns.py says which files go together,
                     moderated.py steadies the variance of each benchmark by those of the others
"""
