"""Known answers through the real runner and trainer: what this machine can measure, and how well."""
