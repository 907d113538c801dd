"""What is asked of a run, and which numbers may be asked for."""
