"""What a training would take, before any weight is loaded: the product's own `prepare` and steps, on tensors without numbers."""
