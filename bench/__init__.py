"""Compare fine-tuning strategies of transformer models: speed, memory and accuracy, honestly."""
