"""The command line: one file for what each command does, `app` for its options; this room alone imports reports."""
