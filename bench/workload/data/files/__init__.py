"""Local data files, from bytes to columns: each is read completely, or refused in one line."""
