"""Models: finding and checking their files, loading them, fitting a head to the data."""
