"""Local data sets, from bytes to columns: each file is read whole, or refused in one line."""
