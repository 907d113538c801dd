"""Ways to learn the same with less memory, each asked for by a field of the plan."""
