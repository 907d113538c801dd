"""Judgements of many benchmarks at once, each of which is to be wrong no oftener than that of one.

turns.py      the order in which the files of both sides were recorded, and what it lets be judged
moderated.py  the variance of each benchmark, steadied by what those of the others are
suite.py      what a look at a whole suite shows, and what it decides
looks.py      planned looks at more and more files
"""
