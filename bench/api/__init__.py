"""The Python face, `import bench`: `compare_strategies` runs, `result` shows, `tables` takes data from memory; the command line is a skin over it."""
