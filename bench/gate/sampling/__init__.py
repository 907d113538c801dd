"""Measures what the gate judges: pairs of fresh processes, one of each side, that take turns.

sides.py     directories, git refs and interpreters;  subject.py: the workload, if none is asked for
forker.py    a script for the interpreter of a side, which forks a process per run
server.py    starts that script and talks to it
sample.py    reads the result of a run;  pairs.py: one run of each side
session.py   as many pairs as the judgement needs, strategy by strategy
recording.py one side against itself, for a baseline;  calibrations.py: the noise of this machine
"""
