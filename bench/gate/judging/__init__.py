"""Judges two sides from numbers alone.

judgement.py         findings, and the exit code
times.py             step times, by the interim analyses of sequential.py; memory.py: peaks; quality.py: accuracy, first losses
strategy.py          all metrics of one strategy
margins.py           how much worse head may be; noise.py: a machine's noise, from pairs of a side with itself
baseline.py          a recorded side, in a file; against.py: judges two of them
rules.py             "amp throughput >= 1.2x full", for one comparison; grammar.py parses it
pytest_benchmark.py  files of pytest-benchmark, read by benchmark_files.py; benchmark_baseline.py: a baseline of them
suite.py             many benchmarks at once; suite_sequential.py: their interim analyses; turns.py: which files go together;
                     moderated.py: the variance of each benchmark, moderated by those of the others
"""
