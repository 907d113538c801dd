"""Write the expected files anew, where a change of outputs is intended: `python -m tests.golden.renew`.

Then look at `git diff tests/golden`: it is what the change does; all of it belongs into the commit's message.
"""

from tests.golden.made import EXPECTED, STRATEGIES, as_json, file_of, fresh, gates, reports

if __name__ == "__main__":
    made = reports() | gates() | {file_of(strategy): as_json(fresh(strategy)) for strategy in STRATEGIES}
    for old in EXPECTED.rglob("*.*"):
        old.unlink()
    for name, text in made.items():
        path = EXPECTED / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
