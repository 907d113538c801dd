"""The regression gate: what was sampled of two sides is judged, and the judgement is written in many forms.

verdict.py      the judgement: findings, the exit code
looks.py        planned looks at a growing number of pairs
judge.py        step times;  memory.py: peaks;  quality.py: accuracy and first losses
rules.py        "amp throughput >= 1.2x full", of one comparison
baseline.py     what a side was once, in a file;  noise.py: what its pairs tell of a machine;  stored.py: two of them judged
benchmarks.py   files of pytest-benchmark
outputs/        the judgement as JSON, Markdown, annotations, JUnit, SARIF, dashboards and a table
"""
