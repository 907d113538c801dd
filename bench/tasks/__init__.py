"""What is learnt: the loss, the targets of a batch and the quality of predictions. One file per task."""
