"""What a model's files are, how they are loaded, and whether its head fits the data."""
