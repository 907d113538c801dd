"""What the gate judges, measured: pairs of fresh processes, one of each side, that take turns.

sides.py     directories, git refs and interpreters
forker.py    a script that runs in the interpreter of a side, and forks a process per run
server.py    that script as the gate sees it
sample.py    what is read of a run;  pairs.py: one run of each side
session.py   as many pairs as the judgement wants, strategy by strategy
recording.py one side against itself, for a baseline;  calibrations.py: those of this machine
subject.py   what is trained where nothing else is asked for
"""
