"""The regression gate: measures two sides in turns or reads them from files, judges them, and writes the judgement.

request.py   the user's request; judging/  statistics and verdicts, without torch; sampling/  measuring; outputs/  formats
"""
