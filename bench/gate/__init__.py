"""The regression gate: two sides are sampled in turns or read from files, judged, and the judgement is written in many forms.

request.py   what is asked; judging/  what is concluded, without torch; sampling/  what is run; outputs/  what is written
"""
