"""The models and data sets that runs use, and the packages that carry the presets."""
