"""What may be concluded from records; nothing here imports torch."""
