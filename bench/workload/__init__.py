"""What is trained on what: models, data sets, and the packages that carry the presets."""
