"""What came of runs, as files that outlive the version of bench that wrote them; nothing here imports torch."""
